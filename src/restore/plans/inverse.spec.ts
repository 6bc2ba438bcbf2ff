import fc from 'fast-check';
import { fold, rowName } from '../../orders/fold.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { RowChange, RowImage } from '../../orders/row-change.js';
import { profileSchema, type DeltaRule, type Profile } from '../../shops/profile.js';
import type { PlannedChange } from '../../shops/shop-adapter.js';
import { checkTransaction, inverseOfSpan, type InverseInput } from './inverse.js';

const profile: Profile = profileSchema.parse({
  profile: 'unit',
  title: 'A small shop',
  order: {
    table: 's.orders',
    number: 'number',
    customer: 'customer',
    currency: { value: 'EUR' },
    total: [{ column: 'total' }],
    status: { column: 'status', cancelled: ['cancelled'], open: ['paid'] },
    placed_when: { column: 'status', not_in: ['cart'] },
    placed_at: 'placed',
  },
  lines: { table: 's.line', product: 'product', quantity: 'quantity' },
  cancellation: { settle: '5s', longest: '1m', claims: {} },
  locks: ['s.orders', 's.line'],
  invariants: [{ name: 'true', sql: 'SELECT true' }],
  tables: {
    's.orders': {
      key: ['id'],
      order: { column: 'id' },
      columns: {
        id: 'key',
        status: 'value',
        total: 'value',
        contact: { value: 'personal' },
        updated: 'touch',
        version: 'version',
        note: { ignore: 'for staff' },
      },
    },
    's.line': {
      key: ['id'],
      order: { column: 'order_id' },
      columns: { id: 'key', order_id: 'value', product: 'value', quantity: 'value' },
      deleted: 'reinsert',
    },
    's.movement': {
      key: ['id'],
      order: { column: 'line_id', parent: 's.line' },
      columns: {
        id: 'key',
        line_id: 'value',
        product: 'value',
        kind: 'value',
        quantity: 'value',
        at: 'touch',
      },
      inserted: [
        {
          where: { kind: ['RELEASE'] },
          do: 'compensate',
          with: {
            line_id: { row: 'line_id' },
            product: { row: 'product' },
            kind: { value: 'ALLOCATE' },
            quantity: { row: 'quantity' },
            at: { now: true },
          },
        },
      ],
    },
    's.history': {
      key: ['id'],
      order: { column: 'order_id' },
      columns: { id: 'key', order_id: 'value', type: 'value', data: 'value' },
      inserted: [{ do: 'keep' }],
      append: [
        {
          order_id: { order: true },
          type: { value: 'STATUS' },
          data: {
            json: { from: { after: 'status' }, to: { before: 'status' }, by: { item: true } },
          },
        },
      ],
    },
    's.stock': {
      key: ['id'],
      order: 'shared',
      columns: {
        id: 'key',
        product: 'value',
        on_hand: { ignore: 'not moved by orders' },
        allocated: {
          delta: {
            from: 's.movement',
            on: 'inserted',
            where: { kind: ['RELEASE'] },
            amount: 'quantity',
            sign: -1,
            match: { product: 'product' },
            guard: { minimum: 0, maximum: 'on_hand' },
          },
        },
      },
    },
  },
});

const orderBefore = {
  id: '7',
  status: 'paid',
  total: '4500',
  contact: null,
  updated: 't0',
  version: '1',
  note: null,
};
const beside = { updated: 't1', version: '2', note: 'x' };
const orderAfter = { ...orderBefore, ...beside, status: 'cancelled', total: '0' };
const release = {
  id: '90',
  line_id: '70',
  product: 'mug',
  kind: 'RELEASE',
  quantity: '3',
  at: 't1',
};
const history = { id: '50', order_id: '7', type: 'CANCELLED', data: '{}' };

function change(table: string, before: RowImage | null, after: RowImage | null): RowChange {
  const operation = before === null ? 'insert' : after === null ? 'delete' : 'update';
  return { table, key: [(after ?? before)?.['id'] as string], operation, before, after };
}

const net: RowChange[] = [
  change('s.orders', orderBefore, orderAfter),
  change('s.movement', null, release),
  change('s.history', null, history),
];

function stock(before: string, after: string): RowChange {
  const image = { id: '1', product: 'mug', on_hand: '20' };
  return change('s.stock', { ...image, allocated: before }, { ...image, allocated: after });
}

function entry(
  orderId: string,
  rowChanges: readonly RowChange[],
  given: Partial<JournalEntry> = {},
): JournalEntry {
  return {
    shopId: 'shop',
    position: 1,
    recordedAt: new Date(0),
    source: { incarnation: 'i', commitLsn: '0/1', transactionId: 1 },
    orderId,
    orderNumber: null,
    kinds: orderId === '' ? ['shared'] : ['cancelled'],
    statusBefore: 'paid',
    statusAfter: 'cancelled',
    actorKind: 'unknown',
    actor: null,
    reason: null,
    customerId: null,
    total: null,
    attributes: {},
    rowChanges,
    snapshot: null,
    marker: null,
    traceparent: null,
    committedAt: '2026-01-01T00:00:00.000000Z',
    ...given,
  };
}

interface Given {
  net?: readonly RowChange[];
  transactions?: readonly (readonly JournalEntry[])[];
}

function input(given: Given = {}): InverseInput {
  const transactions = given.transactions ?? [[entry('7', net), entry('', [stock('8', '5')])]];
  return {
    profile,
    orderId: '7',
    itemId: 'item-1',
    net: given.net ?? net,
    transactions: transactions.map((entries) => checkTransaction(profile, entries)),
  };
}

function changesOf(given: Given = {}): PlannedChange[] {
  const inverse = inverseOfSpan(input(given));
  if (!inverse.ok) throw new Error(inverse.refusal.detail);
  return inverse.value;
}

describe('the inverse of a cancellation', () => {
  it('sets values back, moves the counter back, answers the ledger and adds the history once', () => {
    expect(changesOf()).toEqual([
      {
        do: 'set',
        table: 's.orders',
        key: ['7'],
        expected: { status: 'cancelled', total: '0' },
        to: { status: 'paid', total: '4500' },
      },
      {
        do: 'move',
        table: 's.stock',
        key: ['1'],
        column: 'allocated',
        amount: '3',
        minimum: 0,
        maximum: 'on_hand',
      },
      {
        do: 'insert',
        table: 's.movement',
        row: {
          line_id: '70',
          product: 'mug',
          kind: 'ALLOCATE',
          quantity: '3',
          at: { at: 'restore' },
        },
        compensates: ['90'],
      },
      {
        do: 'insert',
        table: 's.history',
        row: {
          order_id: '7',
          type: 'STATUS',
          data: '{"from":"cancelled","to":"paid","by":"item-1"}',
        },
        compensates: null,
      },
    ]);
  });

  it('takes only its own share of a counter that one transaction moved for several orders', () => {
    const others = change('s.movement', null, { ...release, id: '91', quantity: '4' });
    const transactions = [[entry('7', net), entry('8', [others]), entry('', [stock('8', '1')])]];
    const moves = changesOf({ transactions }).filter((planned) => planned.do === 'move');
    expect(moves.map((move) => move.amount)).toEqual(['3']);
  });

  it('leaves the order to a person when the counter moved by something else than the rows explain', () => {
    const transactions = [[entry('7', net), entry('', [stock('8', '4')])]];
    expect(inverseOfSpan(input({ transactions }))).toEqual({
      ok: false,
      refusal: {
        reason: 'evidence-missing',
        detail: "s.stock.allocated of row 1 moved by -4, where the orders' rows explain -3",
      },
    });
  });

  it('leaves the order to a person when a counter moved that nothing explains, or did not move', () => {
    const raw = [change('s.orders', orderBefore, orderAfter)];
    const unexplained = input({
      net: raw,
      transactions: [[entry('7', raw), entry('', [stock('8', '5')])]],
    });
    expect(inverseOfSpan(unexplained)).toMatchObject({ ok: false });
    expect(inverseOfSpan(input({ transactions: [[entry('7', net)]] }))).toMatchObject({
      ok: false,
    });
  });

  it('moves nothing for a ledger row of stock that the shop does not count, where the profile says so', () => {
    const stockTable = profile.tables['s.stock']!;
    const allocated = stockTable.columns['allocated'] as { delta: DeltaRule };
    const rule = { ...allocated.delta, unmoved: 'skip' } as const;
    const columns = { ...stockTable.columns, allocated: { delta: rule } };
    const lenient = {
      ...profile,
      tables: { ...profile.tables, 's.stock': { ...stockTable, columns } },
    };
    const uncounted = change('s.movement', null, { ...release, id: '91', product: 'sleeve' });
    const own = [...net, uncounted];
    const entries = [entry('7', own), entry('', [stock('8', '5')])];
    const inverse = inverseOfSpan({
      ...input({ net: own }),
      profile: lenient,
      transactions: [checkTransaction(lenient, entries)],
    });
    const moves = inverse.ok ? inverse.value.filter((planned) => planned.do === 'move') : [];
    expect(moves.map(({ key, amount }) => [key, amount])).toEqual([[['1'], '3']]);
    // what was counted still has to be explained
    const wrong = [entry('7', own), entry('', [stock('8', '4')])];
    expect(checkTransaction(lenient, wrong).refusal?.reason).toBe('evidence-missing');
    expect(checkTransaction(profile, entries).refusal?.reason).toBe('evidence-missing');
  });

  it('restores a raw update of the status alone without touching stock', () => {
    const raw = [change('s.orders', orderBefore, { ...orderBefore, status: 'cancelled' })];
    const changes = changesOf({ net: raw, transactions: [[entry('7', raw)]] });
    expect(changes.map((planned) => planned.do)).toEqual(['set', 'insert']);
  });

  it('puts deleted rows back whole, parents before children', () => {
    const parent = { id: '70', order_id: '7', product: 'mug', quantity: '3' };
    const child = { ...parent, id: '71' };
    const deleted = [net[0]!, change('s.line', child, null), change('s.line', parent, null)];
    const changes = changesOf({ net: deleted, transactions: [[entry('7', deleted)]] });
    const inserts = changes.filter(
      (planned) => planned.do === 'insert' && planned.table === 's.line',
    );
    expect(inserts.map((planned) => planned.do === 'insert' && planned.row['id'])).toEqual([
      '70',
      '71',
    ]);
  });

  it.each([
    ['no before-image', { ...change('s.orders', orderBefore, orderAfter), before: null }],
    ['an added row without a rule', change('s.line', null, { id: '79', order_id: '7' })],
    ['a table that is not mapped', change('s.gift', null, { id: '1' })],
    ['a column without a role', change('s.orders', orderBefore, { ...orderAfter, gift: 'yes' })],
  ])('refuses the order whole: %s', (_name, broken) => {
    const inverse = inverseOfSpan(input({ net: [broken], transactions: [[entry('7', [broken])]] }));
    expect(inverse).toMatchObject({ ok: false, refusal: { reason: 'evidence-missing' } });
  });

  it('refuses an order of a transaction in which something was missed', () => {
    const gap = entry('', [stock('8', '5')], { kinds: ['shared', 'gap'], reason: 'row 1: unseen' });
    const detail = 'changes were lost at the source: row 1: unseen';
    expect(inverseOfSpan(input({ transactions: [[entry('7', net), gap]] }))).toMatchObject({
      refusal: { reason: 'evidence-missing', detail },
    });
  });

  it('keeps a sealed value sealed', () => {
    const sealed = { sealed: 'AAAA', hash: 'h1', keyOf: 'customer:1' };
    const erased = { sealed: 'BBBB', hash: 'h2', keyOf: 'customer:1' };
    const raw = [
      change('s.orders', { ...orderBefore, contact: sealed }, { ...orderAfter, contact: erased }),
    ];
    const [set] = changesOf({ net: raw, transactions: [[entry('7', raw)]] });
    expect(set).toMatchObject({ expected: { contact: erased }, to: { contact: sealed } });
  });
});

const values = fc.constantFrom('a', 'b', 'c', null);
const rows = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom('1', '2', '3', '4'),
    before: fc.option(values),
    after: fc.option(values),
  }),
  { selector: (row) => row.id },
);

describe('property', () => {
  it('the inverse, applied to the rows after, gives the rows before for every value column', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const lines = given.flatMap(({ id, before, after }) => {
          const image = (quantity: string | null | undefined = null): RowImage => ({
            id,
            order_id: '7',
            product: 'mug',
            quantity,
          });
          if (before === null) return []; // this table's rows may be changed or deleted, not added
          return [change('s.line', image(before), after === null ? null : image(after))];
        });
        const start = new Map(
          lines.map((line) => [rowName(line.table, line.key), line.before ?? {}]),
        );
        const after = fold(start, lines);
        const all = [net[0]!, ...lines];
        const planned = changesOf({ net: all, transactions: [[entry('7', all)]] }).filter(
          (write) => write.table === 's.line',
        );
        expect(applied(after, planned)).toEqual(start);
      }),
    );
  });
});

/** What the shop's rows are once the planned sets and re-inserts are written; other rows are left out. */
function applied(
  from: ReadonlyMap<string, RowImage>,
  planned: readonly PlannedChange[],
): Map<string, RowImage> {
  const result = new Map(from);
  for (const write of planned) {
    if (write.do === 'set') {
      const name = rowName(write.table, write.key);
      expect(result.get(name)).toMatchObject(write.expected);
      result.set(name, { ...result.get(name), ...write.to });
    }
    if (write.do === 'insert' && write.table === 's.line')
      result.set(rowName(write.table, [write.row['id'] as string]), write.row as RowImage);
  }
  return result;
}
