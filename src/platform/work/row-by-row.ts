import { messageOf } from '../errors.js';
import type { Log } from '../telemetry/log.js';
import type { LogFields } from '../telemetry/log-context.js';

/** How a row's failure is told: counted each time, and logged once while it goes on with the same words. */
export interface RowTrouble {
  readonly log: Log;
  readonly count: () => void;
  /** the log line's event, and its field that names the row */
  readonly event: string;
  readonly field: keyof LogFields;
  /** what fails, for the log line; the reason follows */
  readonly words: string;
}

/** Most failures are over in a moment (a lock, a connection). */
const firstRestMs = 1_000;
/** A row that nobody has mended yet costs no more than this often. */
const longestRestMs = 5 * 60_000;
/** A row that did not come again for so long was mended, or is gone. */
const forgottenAfterMs = 3_600_000;

interface Rest {
  readonly times: number;
  readonly until: number;
  readonly message: string;
}

/**
 * Does a step's work row by row, each apart: one that fails is told and rests, with growing pauses, while
 * the others go on. What rests is kept in memory only: a restart tries everything at once again.
 */
export class RowByRow {
  private readonly rests = new Map<string, Rest>();

  constructor(private readonly trouble: RowTrouble) {}

  /** Rows to leave out of the next batch: otherwise a batch full of them would keep the others waiting. */
  resting(now: Date): string[] {
    for (const [id, { until }] of this.rests)
      if (now.getTime() - until > forgottenAfterMs) this.rests.delete(id);
    return [...this.rests].filter(([, { until }]) => until > now.getTime()).map(([id]) => id);
  }

  /** Works on each row that does not rest, one after the other; `more` where some work asked for another turn. */
  async each(
    ids: readonly string[],
    { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
    work: (id: string) => Promise<'done' | 'more'>,
  ): Promise<{ readonly worked: boolean; readonly more: boolean }> {
    const resting = new Set(this.resting(now));
    let [worked, more] = [false, false];
    for (const id of ids.filter((one) => !resting.has(one))) {
      if (signal.aborted) break;
      try {
        more = (await work(id)) === 'more' || more;
        worked = true;
        this.rests.delete(id);
      } catch (error) {
        this.rest(id, messageOf(error), now);
      }
    }
    return { worked, more };
  }

  private rest(id: string, message: string, now: Date): void {
    const before = this.rests.get(id);
    const times = (before?.times ?? 0) + 1;
    const pauseMs = Math.min(longestRestMs, firstRestMs * 2 ** (times - 1));
    this.rests.set(id, { times, message, until: now.getTime() + pauseMs });
    this.trouble.count();
    if (before?.message !== message) this.tell(id, message);
  }

  private tell(id: string, message: string): void {
    const { log, event, field, words } = this.trouble;
    log.error({ event, [field]: id }, `${words}: ${message}`);
  }
}
