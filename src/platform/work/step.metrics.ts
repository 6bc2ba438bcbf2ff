import { Counter, Histogram, type Registry } from 'prom-client';

/** How background steps fare: `reinstate_step_runs_total` and `reinstate_step_duration_seconds`. */
export class StepMetrics {
  private readonly runs: Counter<'step' | 'outcome'>;
  private readonly duration: Histogram<'step'>;

  constructor(registry: Registry) {
    this.runs = new Counter({
      name: 'reinstate_step_runs_total',
      help: 'Runs of a background step, by outcome.',
      labelNames: ['step', 'outcome'],
      registers: [registry],
    });
    this.duration = new Histogram({
      name: 'reinstate_step_duration_seconds',
      help: 'How long one batch of a background step took.',
      labelNames: ['step'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers: [registry],
    });
  }

  /** Shows a step with zeros before its first run. */
  introduce(step: string): void {
    for (const outcome of ['ok', 'failed']) this.runs.inc({ step, outcome }, 0);
    this.duration.zero({ step });
  }

  observe(run: { step: string; outcome: 'ok' | 'failed'; seconds: number }): void {
    this.runs.inc({ step: run.step, outcome: run.outcome });
    this.duration.observe({ step: run.step }, run.seconds);
  }
}
