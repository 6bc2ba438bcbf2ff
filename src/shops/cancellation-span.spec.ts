import fc from 'fast-check';
import { fold, rowName, unfold } from '../orders/fold.js';
import type { JournalEntry } from '../orders/order-event.js';
import type { RowChange, RowImage } from '../orders/row-change.js';
import { composePartialSpan, composeSpan, type CancellationSpan } from './cancellation-span.js';
import { loadProfile } from './profile-file.js';
import type { Profile } from './profile.js';

const start = Date.UTC(2026, 10, 22, 3, 0, 0);
/** of the sample profile: settle 3 s, longest 2 min */
const settle = 3_000;

let profile: Profile;
beforeAll(async () => {
  ({ profile } = await loadProfile('sample-shop', { directory: '.' }));
});

type Given = Partial<JournalEntry> & { at?: number };

/** Entries in the order given, `at` in milliseconds from the start. */
function journal(...given: readonly Given[]): JournalEntry[] {
  return given.map(({ at = 0, ...entry }, index) => ({
    shopId: 'main',
    source: { incarnation: '1/1/1', commitLsn: `0/${index}`, transactionId: 700 + index },
    orderId: '12',
    orderNumber: 'S-100012',
    kinds: ['changed'],
    statusBefore: null,
    statusAfter: null,
    actorKind: 'unknown',
    actor: null,
    reason: null,
    customerId: '7',
    total: null,
    attributes: {},
    rowChanges: [],
    snapshot: null,
    marker: null,
    traceparent: null,
    committedAt: new Date(start + at).toISOString().replace('Z', '000Z'),
    position: index + 1,
    recordedAt: new Date(start + at + 5),
    ...entry,
  }));
}

function idOf({ id }: RowImage): string {
  return typeof id === 'string' ? id : '12';
}

function updated(table: string, before: RowImage, after: RowImage): RowChange {
  return {
    table,
    key: [idOf(before)],
    operation: 'update',
    before: { id: '12', ...before },
    after: { id: '12', ...before, ...after },
  };
}

function inserted(table: string, after: RowImage): RowChange {
  return { table, key: [idOf(after)], operation: 'insert', before: null, after };
}

const statusChange = updated(
  'shop.orders',
  { status: 'paid', total_minor: '500', version: '3' },
  { status: 'cancelled', total_minor: '0', version: '4' },
);
const cancelled: Given = {
  kinds: ['cancelled'],
  statusBefore: 'paid',
  statusAfter: 'cancelled',
  rowChanges: [statusChange],
};
const byJob = { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' } as const;
const released: Given = {
  rowChanges: [inserted('shop.stock_movement', { id: '70', kind: 'RELEASE', quantity: '2' })],
};
const noted: Given = {
  rowChanges: [updated('shop.payment', { id: '3', note: null }, { note: 'no payment found' })],
};
const history: Given = {
  ...byJob,
  rowChanges: [
    inserted('shop.order_history', { id: '90', type: 'CANCELLED', to_status: 'cancelled' }),
  ],
};
const addressChanged: Given = {
  rowChanges: [updated('shop.orders', { region: 'SN' }, { region: 'BY' })],
};
const lineReduced: Given = {
  kinds: ['line-cancelled'],
  rowChanges: [updated('shop.order_line', { id: '5', quantity: '3' }, { quantity: '2' })],
};

function spanOf(...given: readonly Given[]): CancellationSpan {
  return composeSpan(profile, journal(...given))!;
}
const positions = (entries: readonly JournalEntry[]) => entries.map(({ position }) => position);

describe('composeSpan', () => {
  test('an order that was never cancelled has none', () => {
    expect(composeSpan(profile, journal({ kinds: ['placed'] }, lineReduced))).toBeUndefined();
  });

  test('one transaction: the cancellation alone', () => {
    const span = spanOf(
      { kinds: ['placed'] },
      { kinds: ['paid'], at: 10 },
      { ...cancelled, at: 20 },
    );
    expect(positions(span.entries)).toEqual([3]);
    expect(span.unclaimed).toEqual([]);
    expect(span.net).toEqual([statusChange]);
    expect(span).toMatchObject({ statusBefore: 'paid', statusAfter: 'cancelled', actor: null });
  });

  test('stock, payment note, status, history in transactions of their own', () => {
    const span = spanOf(
      { kinds: ['paid'], at: -60_000 },
      { ...released, at: 0 },
      { ...noted, at: 60 },
      { ...cancelled, at: 120 },
      { ...history, at: 180 },
    );
    expect(positions(span.entries)).toEqual([2, 3, 4, 5]);
    expect(span.unclaimed).toEqual([]);
    expect(span.net).toHaveLength(4);
    expect(span).toMatchObject({ ...byJob, statusBefore: 'paid', statusAfter: 'cancelled' });
    expect(span.startedAt).toEqual(new Date(start));
    expect(span.endedAt).toEqual(new Date(start + 180));
    expect(span.settled(new Date(start + 180 + settle))).toBe(false);
    expect(span.settled(new Date(start + 181 + settle))).toBe(true);
  });

  test('placing and payment just before are not part of it, though they change claimed columns', () => {
    const placed: Given = { ...released, kinds: ['placed'], at: 100 };
    const paid: Given = { ...noted, kinds: ['paid'], at: 200 };
    const cartChange: Given = { ...lineReduced, at: 50 };
    const span = spanOf(cartChange, placed, paid, { ...cancelled, at: 300 });
    expect(positions(span.entries)).toEqual([4]);
    expect(span.unclaimed).toEqual([]);
  });

  test('a payment that arrives between the steps is inside and unclaimed', () => {
    const span = spanOf(
      { ...released, at: 0 },
      { kinds: ['paid'], at: 10 },
      { ...cancelled, at: 20 },
    );
    expect(positions(span.entries)).toEqual([1, 3]);
    expect(positions(span.unclaimed)).toEqual([2]);
  });

  test('line by line by one actor, totals and all, is one span', () => {
    const lines = [1, 2, 3].map((line): Given => ({ ...lineReduced, ...byJob, at: line * 900 }));
    const span = spanOf(...lines, { ...cancelled, ...byJob, at: 3600 });
    expect(positions(span.entries)).toEqual([1, 2, 3, 4]);
    expect(span.net).toHaveLength(2);
  });

  describe('line by line, but slower than the profile says', () => {
    const slow = (given: Given, gap: number): CancellationSpan =>
      spanOf({ ...lineReduced, ...given }, { ...cancelled, ...byJob, at: gap });

    test.each([
      ['the same job with the same reason, an hour before', byJob, 3_600_000],
      ['nobody named, within the longest', {}, 60_000],
      ['a reason alone, within the longest', { reason: byJob.reason }, 60_000],
    ])('%s: nobody can tell', (_name, who, gap) => {
      const span = slow(who, gap);
      expect(positions(span.entries)).toEqual([2]);
      expect(positions(span.unclaimed)).toEqual([1]);
    });

    test.each([
      ['nobody named, long before', {}, 130_000],
      ['another reason', { ...byJob, reason: 'out of stock' }, 60_000],
      ['another actor', { ...byJob, actor: 'stock-sync' }, 60_000],
      ['a customer, long before', { actorKind: 'customer', actor: 'customer' } as const, 130_000],
    ])('%s: another act', (_name, who, gap) => {
      const span = slow(who, gap);
      expect(positions(span.entries)).toEqual([2]);
      expect(span.unclaimed).toEqual([]);
    });

    test('stock that was given back before is no part of it, and is not forgotten', () => {
      const span = spanOf({ ...released, at: 0 }, { ...cancelled, at: settle + 1 });
      expect(positions(span.unclaimed)).toEqual([1]);
    });

    test('what only changed a note, or lies behind a restore, is nobody’s concern', () => {
      const span = spanOf(
        { ...lineReduced, ...byJob, at: 0 },
        { kinds: ['restored'], at: 10 },
        { ...noted, at: 20 },
        { ...cancelled, ...byJob, at: 60_000 },
      );
      expect(span.unclaimed).toEqual([]);
    });
  });

  test('lines alone, of an order that stays open, are an act as well', () => {
    const lines = [1, 2].map((line): Given => ({ ...lineReduced, ...byJob, at: line * 900 }));
    const entries = journal({ kinds: ['paid'] }, ...lines, { ...addressChanged, at: 9_000 });
    expect(composeSpan(profile, entries)).toBeUndefined();
    const span = composePartialSpan(profile, entries)!;
    expect(positions(span.entries)).toEqual([2, 3]);
    expect(positions(span.later)).toEqual([4]);
    expect(span).toMatchObject(byJob);
    expect(composePartialSpan(profile, journal({ kinds: ['paid'] }))).toBeUndefined();
  });

  test('a wished partial cancel just before stays out: another actor', () => {
    const wished: Given = { ...lineReduced, actorKind: 'staff', actor: 'eva', reason: 'one less' };
    const span = spanOf(wished, { ...cancelled, ...byJob, at: 100 });
    expect(positions(span.entries)).toEqual([2]);
    expect(span.unclaimed).toEqual([]);
  });

  test('a wished partial cancel just before stays out: another reason', () => {
    const span = spanOf(
      { ...lineReduced, reason: 'customer wants one less' },
      { ...cancelled, reason: 'payment not received', at: 100 },
    );
    expect(positions(span.entries)).toEqual([2]);
    expect(span.unclaimed).toEqual([]);
  });

  test('a named partial cancel just before an anonymous UPDATE is left to a person', () => {
    const wished: Given = { ...lineReduced, actorKind: 'staff', actor: 'eva', reason: 'one less' };
    const span = spanOf(wished, { ...cancelled, at: 100 });
    expect(positions(span.entries)).toEqual([2]);
    expect(positions(span.unclaimed)).toEqual([1]);
  });

  test('one actor with two reasons is left to a person', () => {
    const span = spanOf(
      { ...lineReduced, ...byJob, reason: 'out of stock' },
      { ...cancelled, ...byJob, at: 100 },
    );
    expect(positions(span.entries)).toEqual([2]);
    expect(positions(span.unclaimed)).toEqual([1]);
  });

  test('an entry inside that no rule claims is reported', () => {
    const span = spanOf(
      { ...released, at: 0 },
      { ...addressChanged, at: 30 },
      { ...cancelled, at: 60 },
      { ...addressChanged, at: 90 },
    );
    expect(positions(span.entries)).toEqual([1, 3]);
    expect(positions(span.unclaimed)).toEqual([2]);
    expect(positions(span.later)).toEqual([4]);
  });

  test('a cancelling transaction that also did something else is reported itself', () => {
    const span = spanOf({
      ...cancelled,
      rowChanges: [statusChange, ...(addressChanged.rowChanges ?? [])],
    });
    expect(positions(span.entries)).toEqual([1]);
    expect(positions(span.unclaimed)).toEqual([1]);
  });

  test('an update whose before-image is not known is not claimed', () => {
    const blind: RowChange = { ...statusChange, table: 'shop.payment', before: null };
    const span = spanOf({ rowChanges: [blind] }, { ...cancelled, at: 10 });
    expect(positions(span.entries)).toEqual([2]);
  });

  test('what is too far away does not belong to it', () => {
    const span = spanOf(
      { ...released, at: 0 },
      { ...cancelled, at: settle + 1 },
      { ...history, at: 2 * settle + 2 },
    );
    expect(positions(span.entries)).toEqual([2]);
    expect(positions(span.later)).toEqual([3]);
  });

  test('touched columns mean nothing, in whatever table', () => {
    const touched: Given = {
      rowChanges: [
        updated(
          'shop.orders',
          { version: '4', updated_at: 'a' },
          { version: '5', updated_at: 'b' },
        ),
      ],
    };
    const span = spanOf({ ...cancelled, at: 0 }, { ...touched, at: 10 });
    expect(positions(span.entries)).toEqual([1, 2]);
  });

  test('our own restore ends it, and our own undo is no cancellation', () => {
    const restore = { action: 'restore', itemId: 'i1' } as const;
    const undo = { action: 'undo', itemId: 'i2' } as const;
    const span = spanOf(
      { ...released, at: 0 },
      { ...cancelled, at: 10 },
      { ...noted, at: 20, kinds: ['restored'], marker: restore },
      { ...cancelled, at: 30, marker: undo },
    );
    expect(positions(span.entries)).toEqual([1, 2]);
    expect(positions(span.later)).toEqual([3, 4]);
  });

  test('the newest cancellation is meant, and it does not reach behind a restore', () => {
    const span = spanOf(
      { ...cancelled, at: 0 },
      { kinds: ['restored'], at: 10 },
      { ...released, at: 20 },
      { ...cancelled, at: 30 },
    );
    expect(positions(span.entries)).toEqual([3, 4]);
  });

  test('from one cancelled status to the next is still the same cancellation', () => {
    const both = structuredClone(profile);
    both.order.status.cancelled = ['cancelling', 'cancelled'];
    const first = updated('shop.orders', { status: 'paid' }, { status: 'cancelling' });
    const second = updated('shop.orders', { status: 'cancelling' }, { status: 'cancelled' });
    const entries = journal(
      {
        kinds: ['cancelled'],
        statusBefore: 'paid',
        statusAfter: 'cancelling',
        rowChanges: [first],
      },
      { at: 10, statusBefore: 'cancelling', statusAfter: 'cancelled', rowChanges: [second] },
    );
    expect(composeSpan(both, entries)).toMatchObject({
      statusBefore: 'paid',
      statusAfter: 'cancelled',
      net: [{ before: { status: 'paid' }, after: { status: 'cancelled' } }],
    });
  });
});

describe('composeSpan holds for any journal', () => {
  const kinds: Given[] = [
    released,
    noted,
    history,
    addressChanged,
    lineReduced,
    { kinds: ['placed'] },
    { kinds: ['paid'] },
    cancelled,
  ];
  const journals = fc
    .array(
      fc.record({
        kind: fc.nat(kinds.length - 1),
        gap: fc.integer({ min: 0, max: 4000 }),
        actor: fc.constantFrom(null, 'a', 'b'),
      }),
      { maxLength: 12 },
    )
    .map((steps) => {
      let at = 0;
      return journal(
        ...steps.map(({ kind, gap, actor }) => {
          at += gap;
          return { ...kinds[kind], actor, at };
        }),
      );
    });

  test('its entries hang together, and nobody else’s acts are among them', () => {
    fc.assert(
      fc.property(journals, (entries) => {
        const span = composeSpan(profile, entries);
        const newest = entries.findLast((entry) => entry.kinds.includes('cancelled'));
        expect(span === undefined).toBe(newest === undefined);
        if (span === undefined) return;
        expect(span.entries).toContain(newest);
        const times = span.entries.map(({ committedAt }) => Date.parse(committedAt));
        times
          .slice(1)
          .forEach((time, index) => expect(time - times[index]!).toBeLessThanOrEqual(settle));
        expect(times.at(-1)! - times[0]!).toBeLessThanOrEqual(profile.cancellation.longest);
        const actors = new Set(
          span.entries.map(({ actor }) => actor).filter((actor) => actor !== null),
        );
        expect(actors.size).toBeLessThanOrEqual(1);
        for (const entry of span.entries) expect(entry.kinds).not.toContain('placed');
        const last = entries.indexOf(span.entries.at(-1)!);
        expect(span.later).toEqual(entries.slice(last + 1));
        const inside = entries.slice(entries.indexOf(span.entries[0]!), last + 1);
        for (const entry of inside) expect([...span.entries, ...span.unclaimed]).toContain(entry);
      }),
    );
  });

  test('its net change takes the rows from before the first entry to after the last', () => {
    const value = fc.constantFrom('0', '1', '2');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('5', '6'), value), { maxLength: 8 }),
        (writes) => {
          const rows = new Map(
            ['5', '6'].map((id): [string, RowImage] => [
              rowName('shop.order_line', [id]),
              { id, quantity: '3' },
            ]),
          );
          let current = new Map(rows);
          const steps = writes.map(([id, quantity], index): Given => {
            const before = current.get(rowName('shop.order_line', [id]))!;
            const change = updated('shop.order_line', before, { quantity });
            current = fold(current, [change]);
            return { ...lineReduced, rowChanges: [change], at: index };
          });
          const span = spanOf(...steps, { ...cancelled, rowChanges: [], at: steps.length });
          expect(fold(rows, span.net)).toEqual(current);
          expect(unfold(current, span.net)).toEqual(rows);
        },
      ),
    );
  });
});
