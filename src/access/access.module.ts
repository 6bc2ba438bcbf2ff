import { Global, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { AccessController } from './access.controller.js';
import { AccessGuard } from './access.guard.js';
import { AccessService } from './access.service.js';
import { AccessStore } from './access.store.js';
import { AuditController } from './audit.controller.js';
import { AuditService } from './audit.service.js';
import { AuditStore } from './audit.store.js';
import { Door } from './door.js';
import { HealthController } from './health.controller.js';
import { HealthStore } from './health.store.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { IdempotencyStore } from './idempotency.store.js';
import { IdempotencySweepStep } from './idempotency-sweep.step.js';
import { MetricsController } from './metrics.controller.js';
import { RefusalLimit } from './refusal-limit.js';
import { StreamEndInterceptor } from './stream-end.interceptor.js';

/** Who may come in and what they did; its door stands before every request, its guard before every route. */
@Global()
@Module({
  controllers: [AccessController, AuditController, HealthController, MetricsController],
  providers: [
    AccessService,
    AccessStore,
    AuditService,
    AuditStore,
    Door,
    HealthStore,
    IdempotencySweepStep,
    IdempotencyStore,
    RefusalLimit,
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
    { provide: APP_INTERCEPTOR, useClass: StreamEndInterceptor },
  ],
  exports: [AccessService, AuditService],
})
export class AccessModule {}
