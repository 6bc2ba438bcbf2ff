/** An action of the generator that broke: nothing of it was written. */
export interface TrafficError {
  at: string;
  action: string;
  message: string;
  /** The database's error code, where there is one: 55P03 says that someone held a lock too long. */
  code: string | null;
}

/** What the generator has done since it started. */
export interface ActivityReport {
  done: Record<string, number>;
  /** Expected outcomes, such as a cancellation that came after shipping. */
  refused: Record<string, number>;
  errorCount: number;
  /** The first hundred, so that none of the earliest is pushed out. */
  errors: TrafficError[];
  slowestMs: number;
}

const ERRORS_KEPT = 100;

/** Keeps count of actions: every error is counted and told, none is thrown away. */
export class Activity {
  readonly #done = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #errors: TrafficError[] = [];
  #errorCount = 0;
  #slowestMs = 0;

  constructor(private readonly onError: (error: TrafficError) => void) {}

  /** Runs an action and writes down how it ended; answers undefined when it broke. */
  async run<T>(action: string, act: () => Promise<T>): Promise<T | undefined> {
    const startedAt = performance.now();
    try {
      const outcome = await act();
      this.#count(action, outcome);
      return outcome;
    } catch (error) {
      this.fail(action, error);
      return undefined;
    } finally {
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedAt);
    }
  }

  fail(action: string, error: unknown): void {
    const failure = describeError(action, error);
    this.#errorCount += 1;
    if (this.#errors.length < ERRORS_KEPT) this.#errors.push(failure);
    this.onError(failure);
  }

  report(): ActivityReport {
    return {
      done: Object.fromEntries(this.#done),
      refused: Object.fromEntries(this.#refused),
      errorCount: this.#errorCount,
      errors: [...this.#errors],
      slowestMs: Math.round(this.#slowestMs),
    };
  }

  #count(action: string, outcome: unknown): void {
    const reason = refusalIn(outcome);
    const [counts, key] =
      reason === undefined ? [this.#done, action] : [this.#refused, `${action}: ${reason}`];
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}

function refusalIn(outcome: unknown): string | undefined {
  if (typeof outcome !== 'object' || outcome === null) return undefined;
  if (!('done' in outcome) || outcome.done !== false) return undefined;
  return 'reason' in outcome ? String(outcome.reason) : 'refused';
}

function describeError(action: string, error: unknown): TrafficError {
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
  const message = error instanceof Error ? error.message : String(error);
  return { at: new Date().toISOString(), action, message, code };
}
