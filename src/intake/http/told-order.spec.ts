import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fold } from '../../orders/fold.js';
import { changedColumns } from '../../orders/row-change.js';
import type { OrderData, ToldKind } from './order-event.schema.js';
import { orderRow, tell, type Told, type ToldEvent, type ToldRows } from './told-order.js';

const moment = (second: number): string =>
  `2026-11-22T03:00:${String(second).padStart(2, '0')}.000000Z`;

function told(kind: ToldKind, second: number, data: Partial<OrderData> = {}): ToldEvent {
  return { kind, at: moment(second), data: { shop: 's', orderId: 'o', ...data }, personal: {} };
}

function tellAll(events: readonly ToldEvent[]): { rows: ToldRows; told: Told[] } {
  let rows: ToldRows = new Map();
  const results = events.map((event) => {
    const result = tell(rows, event);
    rows = result.rows;
    return result;
  });
  return { rows, told: results };
}

const statusOf = (rows: ToldRows) => orderRow(rows, 'o')?.['status'];
const images = (rows: ToldRows) => new Map([...rows].map(([name, { image }]) => [name, image]));

const kinds: ToldKind[] = [
  ...(['placed', 'paid', 'changed', 'line-cancelled', 'cancelled'] as const),
  ...(['restored', 'shipped', 'refunded', 'deleted'] as const),
];
const eventsArbitrary = fc
  .array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      totalMinor: fc.option(fc.nat(3), { nil: undefined }),
      quantity: fc.option(fc.nat(3), { nil: undefined }),
      product: fc.option(fc.constantFrom('tea', 'cup'), { nil: undefined }),
      channel: fc.option(fc.constantFrom('web', 'app'), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((wishes) =>
    wishes.map(({ kind, totalMinor, quantity, product, channel }, second) =>
      told(kind, second, {
        ...(totalMinor !== undefined && { totalMinor }),
        ...(channel !== undefined && { attributes: { channel } }),
        lines: [{ lineId: '1', quantity, product }],
      }),
    ),
  );

describe('an order told by events', () => {
  it('comes out the same in whatever order they arrive', () => {
    fc.assert(
      fc.property(
        eventsArbitrary.chain((events) =>
          fc.tuple(
            fc.constant(events),
            fc.shuffledSubarray(events, { minLength: events.length, maxLength: events.length }),
          ),
        ),
        ([inTime, shuffled]) => {
          expect(images(tellAll(shuffled).rows)).toEqual(images(tellAll(inTime).rows));
        },
      ),
    );
  });

  it('is the fold of the row changes, each of which begins where the one before ended', () => {
    fc.assert(
      fc.property(eventsArbitrary, (events) => {
        const { rows, told: results } = tellAll(events);
        const changes = results.flatMap((result) => result.changes);
        expect(fold(new Map(), changes)).toEqual(images(rows));
      }),
    );
  });

  it('an older event fills in what nobody told, and changes nothing that was told since', () => {
    const { rows, told: results } = tellAll([
      told('cancelled', 5),
      told('placed', 1, { currency: 'EUR', totalMinor: 100, orderNumber: 'N' }),
      told('changed', 0, { totalMinor: 90, customerId: 'c' }),
    ]);
    expect(orderRow(rows, 'o')).toMatchObject({
      ...{ status: 'cancelled', cancelled_at: moment(5), total_minor: '100', customer_id: 'c' },
      ...{ number: 'N', placed_at: moment(1), told_at: moment(5) },
    });
    expect(results.map(({ kind, isLate }) => [kind, isLate])).toEqual([
      ['cancelled', false],
      ['placed', true],
      ['changed', true],
    ]);
    expect(results.map(({ statusBefore, statusAfter }) => [statusBefore, statusAfter])).toEqual([
      [null, 'cancelled'],
      ['cancelled', 'cancelled'],
      ['cancelled', 'cancelled'],
    ]);
  });

  it.each<[string, ToldEvent[], ToldKind[]]>([
    [
      'a payment that is told after the cancellation, but came before it, is none that came after it',
      [told('placed', 1), told('cancelled', 5), told('paid', 3, { payments: [] })],
      ['placed', 'cancelled', 'changed'],
    ],
    [
      'an order that stands cancelled is not cancelled again',
      [told('cancelled', 1), told('cancelled', 2)],
      ['cancelled', 'changed'],
    ],
    [
      'a cancellation of before the restore cancels nothing',
      [told('placed', 1), told('restored', 5), told('cancelled', 3)],
      ['placed', 'changed', 'changed'],
    ],
    [
      'a late cancellation counts where nothing newer says how the order stands',
      [told('placed', 1), told('changed', 5), told('cancelled', 3)],
      ['placed', 'changed', 'cancelled'],
    ],
    ['an order is placed once', [told('placed', 1), told('placed', 2)], ['placed', 'changed']],
    [
      'what was cancelled may be restored, shipped, and deleted',
      [told('cancelled', 1), told('restored', 2), told('shipped', 3), told('deleted', 4)],
      ['cancelled', 'restored', 'shipped', 'deleted'],
    ],
  ])('%s', (_name, events, expected) => {
    expect(tellAll(events).told.map(({ kind }) => kind)).toEqual(expected);
  });

  it('does not come back after it was deleted, whatever comes late', () => {
    const { rows } = tellAll([told('placed', 1), told('deleted', 5), told('cancelled', 3)]);
    expect(statusOf(rows)).toBe('deleted');
  });

  it('shares no row with another order, whatever they are called', () => {
    const line = (orderId: string, lineId: string) =>
      tell(new Map(), told('changed', 1, { orderId, lines: [{ lineId, product: 'tea' }] }));
    const namesOf = ({ changes }: Told) =>
      changes.filter(({ table }) => table === 'event.line').map(({ key }) => key);
    expect(namesOf(line('a', 'b/c'))).not.toEqual(namesOf(line('a/b', 'c')));
  });

  it('names what each event changed: a line that lost units, and nothing else of it', () => {
    const line = { lineId: '1', product: 'tea', quantity: 3, totalMinor: 300 };
    const { told: results } = tellAll([
      told('placed', 1, { lines: [line] }),
      told('line-cancelled', 2, { lines: [{ lineId: '1', quantity: 1 }] }),
    ]);
    const lost = results[1]?.changes.find(({ table }) => table === 'event.line');
    expect(lost).toMatchObject({
      ...{ operation: 'update', key: ['o/1'] },
      before: { quantity: '3', product: 'tea', total_minor: '300' },
      after: { quantity: '1', product: 'tea', total_minor: '300' },
    });
    expect(changedColumns(lost!)).toEqual(['quantity', 'told']);
  });
});
