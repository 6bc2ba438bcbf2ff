/** What a step is told when it runs. */
export interface StepContext {
  readonly now: Date;
  /** aborted when the service stops or the lease is lost: leave off at the next safe point */
  readonly signal: AbortSignal;
}

/**
 * A short piece of background work, repeated for ever: it reads what is written down, decides, and
 * records the effect together with its own progress in one transaction. It must be safe to run twice
 * and to be cut off anywhere; exactly-once comes from its rows (a state guard or a unique key).
 */
export interface BackgroundStep {
  /** unique, kebab-case; also the lease's name, the wake's topic and the metric's label */
  readonly name: string;
  /** it runs at least this often, and at once when woken */
  readonly intervalMs: number;
  /** where it looks after what its own process does: it runs in each, without a lease; else in one at a time */
  readonly inEachProcess?: boolean;
  /** Does one bounded batch. `more` asks to be run again at once. */
  run(context: StepContext): Promise<'idle' | 'more'>;
}
