import type { Registry } from 'prom-client';
import type { Reader } from '../database/database.js';
import { gaugeOfRows } from '../telemetry/row-metrics.js';
import type { ScrapedRows } from '../telemetry/scraped-rows.js';

/** What waits for a background step: how much, and since when the first of it. */
export interface Waiting {
  readonly due: number;
  /** null where nothing waits */
  readonly since: Date | null;
}

interface Queue {
  readonly step: string;
  readonly due: number;
  readonly lateSeconds: number;
}

/** Rows are counted up to here: more says no more, and a scrape must stay cheap. */
export const dueCountedMax = 10_000;

/**
 * `reinstate_queue_due{step}` and `reinstate_queue_late_seconds{step}`: the work that stands in the
 * database and waits for its background step. A step that has died, or cannot keep up, shows here
 * whichever process should run it.
 */
export class WorkQueues {
  private readonly queues: (() => Promise<Queue | undefined>)[] = [];

  constructor(
    registry: Registry,
    private readonly scraped: ScrapedRows,
  ) {
    const read = async () => {
      const found = await Promise.all(this.queues.map((queue) => queue()));
      return found.filter((queue) => queue !== undefined);
    };
    const labelNames = ['step'] as const;
    const zeros = () => [];
    gaugeOfRows(registry, {
      ...{ labelNames, read, zeros, name: 'reinstate_queue_due' },
      help: 'Work in the database that is due and waits for its background step.',
      samples: (queues) => queues.map(({ step, due }) => ({ labels: { step }, value: due })),
    });
    gaugeOfRows(registry, {
      ...{ labelNames, read, zeros, name: 'reinstate_queue_late_seconds' },
      help: 'How long the oldest work has been due that waits for its background step; 0 where none waits.',
      samples: (queues) =>
        queues.map(({ step, lateSeconds }) => ({ labels: { step }, value: lateSeconds })),
    });
  }

  /** Shows the queue of the step of this name. */
  show(step: string, read: (reader: Reader, now: Date) => Promise<Waiting>): void {
    const look = this.scraped.define(`queue ${step}`, async (reader, now): Promise<Queue> => {
      const { due, since } = await read(reader, now);
      const lateMs = since === null ? 0 : Math.max(0, now.getTime() - since.getTime());
      return { step, due, lateSeconds: lateMs / 1000 };
    });
    this.queues.push(look);
  }
}
