import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { Clock } from './clock.js';
import { Database } from './database/database.js';
import { ScrapedRows } from './telemetry/scraped-rows.js';
import { LeaseStore } from './work/lease.store.js';
import { StepMetrics } from './work/step.metrics.js';
import { StepRunner } from './work/step-runner.js';
import { Wake } from './work/wake.js';
import { WorkQueues } from './work/work-queues.js';

/** Clock, database, metrics registry and background work: what every room may use. */
@Global()
@Module({})
export class PlatformModule {
  static with(parts: { clock: Clock; database: Database }): DynamicModule {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const scraped = new ScrapedRows(registry, parts.database, parts.clock);
    const queues = new WorkQueues(registry, scraped);
    const wake = new Wake();
    const stepMetrics = new StepMetrics(registry);
    const makeRunner = (scheduler: SchedulerRegistry) =>
      new StepRunner(new LeaseStore(parts.database), parts.clock, wake, stepMetrics, scheduler);
    const providers = [
      { provide: Clock, useValue: parts.clock },
      { provide: Database, useValue: parts.database },
      { provide: Registry, useValue: registry },
      { provide: ScrapedRows, useValue: scraped },
      { provide: WorkQueues, useValue: queues },
      { provide: Wake, useValue: wake },
      { provide: StepRunner, useFactory: makeRunner, inject: [SchedulerRegistry] },
    ];
    return {
      module: PlatformModule,
      imports: [ScheduleModule.forRoot()],
      providers,
      exports: providers,
    };
  }
}
