import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

/** What the step `incidents` works on, row by row. */
const rowKinds = ['alert', 'incident', 'page'] as const;

/** `reinstate_incidents_failures_total{row}`. */
@Injectable()
export class IncidentsMetrics {
  private readonly failures: Counter<'row'>;

  constructor(registry: Registry) {
    this.failures = new Counter({
      name: 'reinstate_incidents_failures_total',
      help: 'Times that an alert, an incident or a page could not be worked on; it is tried again.',
      labelNames: ['row'],
      registers: [registry],
    });
    for (const row of rowKinds) this.failures.inc({ row }, 0);
  }

  /** A row could not be worked on; the others were. */
  rowFailed(row: (typeof rowKinds)[number]): void {
    this.failures.inc({ row });
  }
}
