import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { Log } from '../../platform/telemetry/log.js';
import type { BackgroundStep, StepContext } from '../../platform/work/background-step.js';
import { RowByRow } from '../../platform/work/row-by-row.js';
import { RunEngine } from './run-engine.js';
import { RunbookRunStore } from './run.store.js';
import { runbookRunStep } from './step-name.js';

/** Runs looked at in one batch; the next batch goes on behind them, so that none that wait keep others waiting. */
const batchMax = 200;
/** A check that takes its time must not hold up other incidents' runs. */
const sideBySide = 8;

/** Takes runbook runs on: each by one step of it at a time, several runs side by side. */
@Injectable()
export class RunbookRunStep implements BackgroundStep {
  readonly name = runbookRunStep;
  readonly intervalMs = 1_000;

  /** the last run of a full batch; null where a round begins */
  private lookedAt: string | null = null;
  private readonly rows = new RowByRow({
    log: new Log('Runbooks'),
    count: () => undefined,
    event: 'runbook-run-not-advanced',
    field: 'runbook_run_id',
    words: 'a runbook run cannot go on and is tried again',
  });

  constructor(
    private readonly database: Database,
    private readonly store: RunbookRunStore,
    private readonly engine: RunEngine,
    private readonly clock: Clock,
  ) {}

  async run(context: StepContext): Promise<'idle' | 'more'> {
    const now = this.clock.now();
    const asked = { now, after: this.lookedAt, limit: batchMax };
    const waiting = await this.store.running(this.database, asked);
    const isFull = waiting.length === batchMax;
    this.lookedAt = isFull ? (waiting.at(-1) ?? null) : null;
    const worker = async (): Promise<boolean> => {
      let again = false;
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        const { more } = await this.rows.each([id], context, (runId) =>
          this.engine.advance(runId, context.signal),
        );
        again = again || more;
      }
      return again;
    };
    const workers = await Promise.all(Array.from({ length: sideBySide }, worker));
    const isMore = isFull || workers.includes(true);
    return isMore && !context.signal.aborted ? 'more' : 'idle';
  }
}
