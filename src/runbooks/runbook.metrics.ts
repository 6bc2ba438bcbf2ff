import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { stepKinds, type StepKindName } from './definition.js';

/** What becomes of a step. */
const outcomes = ['done', 'failed', 'skipped'] as const;

/** `reinstate_runbook_steps_total{kind,outcome}`: steps that came to their end, also of dry runs. */
@Injectable()
export class RunbookMetrics {
  private readonly steps: Counter<'kind' | 'outcome'>;

  constructor(registry: Registry) {
    this.steps = new Counter({
      name: 'reinstate_runbook_steps_total',
      help: 'Steps of runbook runs that came to their end, by kind and by what became of them.',
      labelNames: ['kind', 'outcome'],
      registers: [registry],
    });
    for (const kind of stepKinds)
      for (const outcome of outcomes) this.steps.inc({ kind, outcome }, 0);
  }

  ended(kind: StepKindName, outcome: string): void {
    this.steps.inc({ kind, outcome });
  }
}
