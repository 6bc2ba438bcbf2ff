import type { PlannedRow, ProofInput, ProofReport } from './proof-input.js';
import { prove } from './prove.js';
import { parseRow, type Row } from './snapshot.js';
import {
  BYSTANDER,
  history,
  INTENDED,
  movement,
  openShop,
  VICTIM,
  WRITE_ROLE,
  type SmallShop,
  type Write,
} from '../../test/support/small-shop.js';

const WRITE_LOG = 'the write log explains every difference';
const STRUCTURE = 'tables, rights and triggers are as they were';
const VICTIMS = 'every harmed order is restored or left whole to a person';
const VALUES = 'restored orders are as they were';
const APPENDED = 'appended rows are there once';
const COUNTERS = 'stock counters equal the open orders';
const ON_HAND = 'stock on hand equals its movements';
const LEDGER = 'stock movements net to the open quantity';
const INTENDED_STAY = 'intended cancellations are still cancelled';
const PLANNED = "Reinstate's writes stand in the plan";
const OTHERS = 'every other change is accounted for';

/** The job cancels the victim's order as the shop's own code would. */
function harm(shop: SmallShop): void {
  const fault = (table: string, key: string, set: Row): void =>
    shop.write({ transaction: 'f1', table, key, set });
  fault('stock', '1/LEJ', { allocated: '3' });
  fault('stock_movement', '10', movement('10', '171', 'RELEASE', '2'));
  fault('order_line', '171', { quantity: '0' });
  const status = { status: 'cancelled', total_minor: '0', cancel_reason: 'unpaid' };
  fault('orders', VICTIM, { ...status, version: '3' });
  fault('order_history', '1', history('1', VICTIM, 'CANCELLED'));
}

function customerCancels(shop: SmallShop): void {
  const traffic = (table: string, key: string, set: Row): void =>
    shop.write({ transaction: 't1', table, key, set });
  traffic('stock', '1/LEJ', { allocated: '2' });
  traffic('stock_movement', '11', movement('11', '181', 'RELEASE', '1'));
  traffic('order_line', '181', { quantity: '0' });
  traffic('orders', INTENDED, { status: 'cancelled', version: '3' });
  shop.act('t1', 'customer_cancel', INTENDED, 'cancelled');
}

/** A careful restore, step by step: a test plants its fault by changing or adding a step. */
const RESTORE = {
  stock: { table: 'stock', key: '1/LEJ', set: { allocated: '4' } },
  movement: { table: 'stock_movement', key: '12', set: movement('12', '171', 'ALLOCATE', '2') },
  line: { table: 'order_line', key: '171', set: { quantity: '2' } },
  order: {
    table: 'orders',
    key: VICTIM,
    set: { status: 'paid', total_minor: '900', cancel_reason: null, version: '4' },
  },
  history: { table: 'order_history', key: '2', set: history('2', VICTIM, 'STATUS') },
} satisfies Record<string, Omit<Write, 'transaction'>>;
type Steps = Record<string, Omit<Write, 'transaction'>>;

const PLAN: PlannedRow[] = [
  { table: 'shop.stock', key: { warehouse: 'LEJ', product_id: '1' }, orderId: VICTIM },
  { table: 'stock_movement', key: null, orderId: VICTIM },
  { table: 'order_line', key: '171', orderId: VICTIM },
  { table: 'orders', key: [VICTIM], orderId: VICTIM },
  { table: 'order_history', key: null, orderId: VICTIM },
];

interface Plant {
  restore?: Steps;
  between?: (shop: SmallShop) => void;
  afterwards?: (shop: SmallShop) => unknown;
  input?: Partial<ProofInput>;
}

function story({ restore = RESTORE, between, afterwards, input }: Plant): ProofReport {
  const shop = openShop();
  const before = shop.snapshot();
  harm(shop);
  customerCancels(shop);
  between?.(shop);
  for (const step of Object.values(restore)) shop.write({ transaction: 'r1', ...step });
  afterwards?.(shop);
  const after = shop.snapshot();
  return prove({
    before,
    after,
    writeRole: WRITE_ROLE,
    plan: PLAN,
    restored: [VICTIM],
    leftToPeople: [],
    fault: { cancelled: [{ orderId: VICTIM, transactions: ['f1'] }], abandoned: [] },
    ...input,
  });
}

function failing(report: ProofReport): string[] {
  return report.checks.filter((check) => !check.holds).map((check) => check.name);
}

describe('the proof', () => {
  it('holds for a careful restore, and each check has looked at something', () => {
    const report = story({});

    expect(failing(report)).toEqual([]);
    expect(report.holds).toBe(true);
    for (const check of report.checks) expect(check.examined).toBeGreaterThan(0);
  });

  it('holds when the restored order goes on and is shipped by the traffic', () => {
    const afterwards = (shop: SmallShop): void => {
      const traffic = (table: string, key: string, set: Row): void =>
        shop.write({ transaction: 't2', table, key, set });
      traffic('stock', '1/LEJ', { allocated: '2', on_hand: '8' });
      traffic('stock_movement', '13', movement('13', '171', 'SHIP', '2'));
      traffic('orders', VICTIM, { status: 'shipped', version: '5' });
      shop.act('t2', 'ship', VICTIM, 'shipped');
    };
    expect(failing(story({ afterwards }))).toEqual([]);
  });

  it('holds when the harmed order is left whole to a person', () => {
    const input = { plan: [], restored: [], leftToPeople: [VICTIM] };
    expect(failing(story({ restore: {}, input }))).toEqual([]);
  });

  const order = RESTORE.order;
  it.each<[plant: string, Plant, string[]]>([
    [
      'a column that was not set back',
      { restore: { ...RESTORE, order: { ...order, set: { ...order.set, cancel_reason: 'x' } } } },
      [VALUES],
    ],
    [
      'a quantity that is not what it was',
      { restore: { ...RESTORE, line: { ...RESTORE.line, set: { quantity: '1' } } } },
      [VALUES, COUNTERS, LEDGER],
    ],
    [
      'a version that was set back',
      { restore: { ...RESTORE, order: { ...order, set: { ...order.set, version: '2' } } } },
      [VALUES],
    ],
    [
      'a line that was added to the order',
      {
        restore: {
          ...RESTORE,
          more: {
            table: 'order_line',
            key: '172',
            set: { id: '172', order_id: VICTIM, product_id: '1', quantity: '0' },
          },
        },
        input: { plan: [...PLAN, { table: 'order_line', key: '172', orderId: VICTIM }] },
      },
      [VALUES],
    ],
    [
      'a stock counter that was not raised again',
      { restore: { ...RESTORE, stock: { ...RESTORE.stock, set: { allocated: '2' } } } },
      [COUNTERS],
    ],
    [
      'goods made out of nothing',
      {
        restore: {
          ...RESTORE,
          stock: { ...RESTORE.stock, set: { allocated: '4', on_hand: '12' } },
        },
      },
      [ON_HAND],
    ],
    [
      'stock taken again twice in the ledger',
      {
        restore: {
          ...RESTORE,
          again: { ...RESTORE.movement, key: '13', set: movement('13', '171', 'ALLOCATE', '2') },
        },
        input: { plan: [...PLAN, { table: 'stock_movement', key: '13', orderId: VICTIM }] },
      },
      [APPENDED, LEDGER],
    ],
    [
      'a history row added twice',
      {
        restore: {
          ...RESTORE,
          again: { ...RESTORE.history, key: '3', set: history('3', VICTIM, 'STATUS') },
        },
        input: { plan: [...PLAN, { table: 'order_history', key: null, orderId: VICTIM }] },
      },
      [APPENDED],
    ],
    [
      'a history that does not tell of the restore',
      { restore: { ...RESTORE, history: { table: 'customer', key: '5', set: {} } } },
      [APPENDED, PLANNED],
    ],
    [
      'a history row that was deleted instead of answered',
      { restore: { ...RESTORE, gone: { table: 'order_history', key: '1', set: null } } },
      [APPENDED, PLANNED],
    ],
    [
      'an order brought back that its customer had cancelled',
      {
        restore: { ...RESTORE, wrong: { table: 'orders', key: INTENDED, set: { status: 'paid' } } },
      },
      [INTENDED_STAY, PLANNED],
    ],
    [
      'a write to a row that the plan does not name',
      { restore: { ...RESTORE, other: { table: 'customer', key: '5', set: { name: 'Karla' } } } },
      [PLANNED],
    ],
    [
      'a write to another order, called restored though never harmed',
      {
        restore: { ...RESTORE, other: { table: 'orders', key: BYSTANDER, set: { version: '9' } } },
        input: {
          plan: [...PLAN, { table: 'orders', key: BYSTANDER, orderId: BYSTANDER }],
          restored: [VICTIM, BYSTANDER],
        },
      },
      [VICTIMS, VALUES],
    ],
    [
      'more rows added than planned',
      { input: { plan: PLAN.filter(({ table }) => table !== 'order_history') } },
      [PLANNED],
    ],
    [
      'an order called restored that nobody wrote to',
      { restore: {}, input: { plan: [] } },
      [VALUES, APPENDED],
    ],
    [
      'a victim of whom nobody speaks',
      { restore: {}, input: { plan: [], restored: [] } },
      [VICTIMS],
    ],
    [
      'an order left to people, but half restored',
      {
        restore: { order },
        input: { restored: [], leftToPeople: [VICTIM] },
      },
      [VICTIMS, PLANNED],
    ],
    [
      'an order that its customer changed before it was restored over that',
      {
        between: (shop) => {
          const set = { total_minor: '1' };
          shop.write({ transaction: 't2', table: 'orders', key: VICTIM, set });
          shop.act('t2', 'reduce', VICTIM, 'cancelled');
        },
      },
      [VALUES],
    ],
    [
      'a change that nobody meant or reported',
      {
        afterwards: (shop) =>
          shop.write({ transaction: 'x1', table: 'customer', key: '5', set: { name: 'Karla' } }),
      },
      [OTHERS],
    ],
    [
      'traffic that did something else than its ledger says',
      {
        afterwards: (shop) => {
          shop.act('t2', 'pick', BYSTANDER, 'picking');
          const set = { status: 'paid', version: '3' };
          shop.write({ transaction: 't2', table: 'orders', key: BYSTANDER, set });
        },
      },
      [OTHERS],
    ],
    [
      'a job that harmed an order without reporting it',
      {
        afterwards: (shop) =>
          shop.write({ transaction: 'f1', table: 'orders', key: BYSTANDER, set: { version: '3' } }),
      },
      [OTHERS],
    ],
    [
      'a change that escaped the write log',
      {
        afterwards: (shop) => {
          const row = shop.tables.get('shop.customer')!.get('5')!;
          shop.tables.get('shop.customer')!.set('5', { ...row, name: 'Karla' });
        },
      },
      [WRITE_LOG],
    ],
    [
      'a row that vanished without a trace',
      {
        afterwards: (shop) => {
          shop.tables.get('shop.customer')!.delete('5');
        },
      },
      [WRITE_LOG],
    ],
    [
      'an order that the job cancelled again after its restore',
      { afterwards: harm },
      [VALUES, APPENDED, COUNTERS, LEDGER],
    ],
    [
      'stock taken again in another warehouse than it was released in',
      {
        restore: {
          ...RESTORE,
          movement: {
            ...RESTORE.movement,
            set: { ...RESTORE.movement.set, warehouse: 'BER' },
          },
        },
      },
      [APPENDED, ON_HAND],
    ],
    [
      'a stock row that was deleted',
      {
        restore: { ...RESTORE, gone: { table: 'stock', key: '1/LEJ', set: null } },
      },
      [COUNTERS, ON_HAND],
    ],
    [
      'a trigger that was switched off',
      {
        afterwards: (shop) => shop.structure.splice(0, 1, 'trigger orders_write_log, enabled D'),
      },
      [STRUCTURE],
    ],
    [
      'a price that changed under the cloak of an order being shipped',
      {
        afterwards: (shop) => {
          shop.act('t2', 'pick', BYSTANDER, 'picking');
          shop.write({ transaction: 't2', table: 'customer', key: '5', set: { name: 'Karla' } });
        },
      },
      [OTHERS],
    ],
    [
      'a job that touched what belongs to no order',
      {
        between: (shop) =>
          shop.write({ transaction: 'f1', table: 'customer', key: '5', set: { name: 'Karla' } }),
      },
      [OTHERS],
    ],
  ])('fails on %s', (_plant, plant, expected) => {
    const report = story(plant);

    expect(report.holds).toBe(false);
    expect(failing(report)).toEqual(expected);
    for (const check of report.checks.filter(({ holds }) => !holds)) {
      expect(check.violations.length).toBeGreaterThan(0);
      expect(check.violations.length).toBeLessThanOrEqual(10);
    }
  });

  it('shows ten violations and counts all of them', () => {
    const many: Steps = Object.fromEntries(
      Array.from({ length: 25 }, (_, place) => [
        `w${place}`,
        { table: 'customer', key: '5', set: { name: `name ${place}` } },
      ]),
    );
    const report = story({ restore: { ...RESTORE, ...many } });
    const check = report.checks.find(({ name }) => name === PLANNED);

    expect(check).toMatchObject({ violationCount: 25 });
    expect(check?.violations).toHaveLength(10);
  });
});

describe('parseRow', () => {
  it('keeps numbers as they are written, and nested JSON as one text', () => {
    expect(
      parseRow(
        '{"id": 9007199254740993, "rate": 19.00, "note": null, "on": true, "list": [{"a": 1}]}',
      ),
    ).toEqual({
      id: '9007199254740993',
      rate: '19.00',
      note: null,
      on: 'true',
      list: '[{"a":"1"}]',
    });
  });
});
