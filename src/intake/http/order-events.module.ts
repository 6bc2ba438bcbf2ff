import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, type AbstractHttpAdapter } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { IntakeGate } from './intake-gate.js';
import { OrderEventController } from './order-event.controller.js';
import { OrderEventMetrics } from './order-event.metrics.js';
import { OrderEventRowMetrics } from './order-event-rows.metrics.js';
import { acceptOrderEvents } from './order-event-request.js';
import { OrderEventService } from './order-event.service.js';
import { OrderEventSettings } from './order-event.settings.js';
import { OrderEventStore } from './order-event.store.js';
import { OrderEventWriter } from './order-event-writer.js';

/** Order events that shops tell by HTTP. */
@Module({})
export class OrderEventsModule implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  static with(settings: OrderEventSettings): DynamicModule {
    return {
      module: OrderEventsModule,
      controllers: [OrderEventController],
      providers: [
        IntakeGate,
        OrderEventMetrics,
        OrderEventRowMetrics,
        OrderEventService,
        OrderEventStore,
        OrderEventWriter,
        { provide: OrderEventSettings, useValue: settings },
      ],
    };
  }

  onModuleInit(): void {
    // the parts of the service may also be put together without HTTP
    const adapter = this.host.httpAdapter as AbstractHttpAdapter | undefined;
    if (adapter !== undefined) acceptOrderEvents(adapter.getInstance<FastifyInstance>());
  }
}
