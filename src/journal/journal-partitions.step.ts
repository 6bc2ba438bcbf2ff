import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import { Log } from '../platform/telemetry/log.js';
import type { BackgroundStep, StepContext } from '../platform/work/background-step.js';
import { JournalStore } from './journal.store.js';

/** Enough that a service which is down over a month's end still finds its partition. */
const monthsAhead = 3;

/** Makes the journal's monthly partitions ahead while the service runs: the one of now and of the next months. */
@Injectable()
export class JournalPartitionsStep implements BackgroundStep {
  readonly name = 'journal-partitions';
  readonly intervalMs = 3_600_000;
  private readonly log = new Log('Journal');

  constructor(
    private readonly database: Database,
    private readonly store: JournalStore,
  ) {}

  async run({ now }: StepContext): Promise<'idle'> {
    const months = Array.from(
      { length: monthsAhead + 1 },
      (_, ahead) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1)),
    );
    const made = await this.store.makePartitions(this.database, months);
    if (made > 0)
      this.log.info(
        { event: 'journal-partitions-made', count: made },
        'journal partitions made ahead',
      );
    return 'idle';
  }
}
