import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AuditService } from '../../src/access/audit.service.js';
import { AuditStore } from '../../src/access/audit.store.js';
import { AnnouncementService } from '../../src/incidents/announcements/announcement.service.js';
import { AnnouncementStore } from '../../src/incidents/announcements/announcement.store.js';
import { Database } from '../../src/platform/database/database.js';
import type { OrderEvent } from '../../src/orders/order-event.js';
import { IncidentHarness } from '../support/incident-harness.js';

let bench: IncidentHarness;
beforeAll(async () => {
  bench = await IncidentHarness.create();
});
afterAll(() => bench.close());

/** Counts how often announced cancellations were counted. */
class Counting extends Database {
  counted = 0;

  override async query<T extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<T[]> {
    if (sql.includes('greatest_count - 1')) this.counted += 1;
    return super.query<T>(sql, parameters);
  }
}

const closing = { kinds: ['cancelled'], actorKind: 'job', actor: 'closing' } as const;
const silent = { kinds: ['cancelled'], actorKind: 'unknown', actor: null } as const;

async function journalled(...events: Partial<OrderEvent>[]): Promise<number[]> {
  return (await bench.journal(events)).map(({ position }) => position);
}

it('what is covered is counted again when something came that could change it, and only then', async () => {
  const database = new Counting(bench.test.database.dataSource);
  const audit = new AuditService(database, new AuditStore());
  const service = new AnnouncementService(
    ...([database, new AnnouncementStore(), bench.parts.shops, audit, bench.clock] as const),
  );
  const asked: number[] = [];
  const answer = async () => {
    const before = database.counted;
    const covered = [...(await service.covered('shop', asked))];
    return { covered, counted: database.counted - before };
  };
  const announced = {
    ...{ shopId: 'shop', filter: { actor: 'closing' }, greatestCount: 2, reason: 'it moves' },
    ...{ startsAt: bench.clock.now(), endsAt: new Date(bench.clock.now().getTime() + 3_600_000) },
  };

  asked.push(...(await journalled({ ...silent, orderId: 'a' }, { ...closing, orderId: 'b' })));
  const [a, b] = asked;
  expect(await answer()).toEqual({ covered: [], counted: 1 });
  expect(await answer()).toEqual({ covered: [], counted: 0 });

  const { id } = await service.announce(bench.caller, announced);
  expect(await answer()).toEqual({ covered: [b], counted: 1 });
  expect(await answer()).toEqual({ covered: [b], counted: 0 });

  // before each order of a run: what the run itself has written, and what the shop does beside
  const marker = { action: 'restore', itemId: 'i' } as const;
  await journalled(
    { orderId: 'r', kinds: ['restored'], actorKind: 'job', marker },
    { orderId: 'n', kinds: ['placed'] },
  );
  expect(await answer()).toEqual({ covered: [b], counted: 0 });

  const [c] = await journalled({ ...closing, orderId: 'c' });
  asked.push(c!);
  expect(await answer()).toEqual({ covered: [b, c], counted: 1 });
  expect(await answer()).toEqual({ covered: [b, c], counted: 0 });

  // who did the first is told only now: with it the greatest count is reached one earlier
  await journalled({ orderId: 'a', kinds: ['changed'], actorKind: 'job', actor: 'closing' });
  expect(await answer()).toEqual({ covered: [a, b], counted: 1 });
  expect(await answer()).toEqual({ covered: [a, b], counted: 0 });

  await service.withdraw(bench.caller, id);
  expect(await answer()).toEqual({ covered: [], counted: 1 });
});
