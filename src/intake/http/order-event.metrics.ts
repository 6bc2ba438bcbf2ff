import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { IntakeGate } from './intake-gate.js';
import { rejectionCodes, type IntakeAnswer, type RejectionCode } from './order-event.schema.js';

/** How the intake of order events by HTTP fares. Labels are bounded: what became of an event. */
@Injectable()
export class OrderEventMetrics {
  private readonly events: Counter<'outcome'>;

  constructor(registry: Registry, gate: IntakeGate) {
    const registers = [registry];
    this.events = new Counter({
      name: 'reinstate_order_events_total',
      help: 'Order events told by HTTP, by what became of them: kept, repeated, or why they were rejected.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of ['kept', 'repeated', ...rejectionCodes]) this.events.inc({ outcome }, 0);
    new Gauge({
      name: 'reinstate_order_event_requests_in_flight',
      help: 'Requests with order events that are being worked on.',
      registers,
      collect() {
        this.set(gate.inFlight());
      },
    });
  }

  answered({ kept, repeated }: IntakeAnswer): void {
    this.events.inc({ outcome: 'kept' }, kept);
    this.events.inc({ outcome: 'repeated' }, repeated);
  }

  rejected(code: RejectionCode): void {
    this.events.inc({ outcome: code });
  }
}
