import type { Profile, TableMapping } from '../profile.js';

/** Where the parts of an order stand that a shop tells of by events: tables of nobody's database. */
export const toldTables = {
  order: 'event.order',
  line: 'event.line',
  shipping: 'event.shipping',
  payment: 'event.payment',
} as const;

/** What an order told by events can be. `deleted` is kept, so that what comes late does not bring it back. */
export const toldStatuses = ['open', 'shipped', 'cancelled', 'deleted'] as const;
export type ToldStatus = (typeof toldStatuses)[number];

/** States of a payment; the first two say that the shop holds the money. */
export const toldPaymentStates = [
  'authorized',
  'captured',
  'pending',
  'failed',
  'released',
] as const;

/** An attribute's or a personal value's column of the order's row. */
export const attributeColumn = (name: string): string => `attribute.${name}`;
export const personalColumn = (name: string): string => `personal.${name}`;

/** Attributes by their usual names, which detection also learns from what is older than its state. */
const usualAttributes = ['channel', 'payment_method', 'app_version', 'warehouse', 'region'];

const part = (columns: TableMapping['columns']): TableMapping => ({
  key: ['id'],
  order: { column: 'order_id' },
  identity: 'full',
  limits: {},
  current: {},
  columns: {
    id: 'key',
    order_id: 'value',
    told: { ignore: 'when each column was told' },
    ...columns,
  },
  inserted: [],
  deleted: 'person',
  append: [],
});

const minor = (column: string) => ({ column, unit: 'minor' as const });

/**
 * The profile of a shop whose orders are told by HTTP. It says what the rows mean that intake makes of
 * events; since nobody can write to them, it has no locks and no invariants, and is no file.
 */
export const toldOrderProfile: Profile = {
  profile: 'order-events',
  title: 'Orders told by HTTP',
  order: {
    table: toldTables.order,
    number: 'number',
    customer: 'customer_id',
    currency: { column: 'currency' },
    total: [minor('total_minor')],
    status: { column: 'status', cancelled: ['cancelled'], open: ['open'], shipped: ['shipped'] },
    placed_when: { column: 'status', not_in: [] },
    placed_at: 'placed_at',
    cancelled_at: 'cancelled_at',
    attributes: Object.fromEntries(usualAttributes.map((name) => [name, attributeColumn(name)])),
  },
  lines: {
    table: toldTables.line,
    product: 'product',
    name: 'name',
    quantity: 'quantity',
    unit_price: minor('unit_price_minor'),
    total: minor('total_minor'),
  },
  shipping_lines: { table: toldTables.shipping, method: 'method', price: minor('price_minor') },
  payments: {
    table: toldTables.payment,
    amount: minor('amount_minor'),
    state: 'state',
    held: ['authorized', 'captured'],
    released: ['released'],
    method: 'method',
  },
  // what was given back stands in the payment's own row
  refunds: {
    table: toldTables.payment,
    amount: minor('refunded_minor'),
    payment: 'id',
    failed: [],
  },
  stock: { ignore: 'events tell of orders, not of stock' },
  cancellation: {
    settle: 5_000,
    longest: 120_000,
    claims: {
      [toldTables.order]: {
        updated: ['status', 'shop_status', 'cancelled_at'],
        inserted: false,
        deleted: false,
      },
      [toldTables.line]: { updated: ['quantity', 'total_minor'], inserted: false, deleted: false },
    },
    reasons: { wish: [], policy: [], unpaid: [], customer: [] },
  },
  locks: [],
  invariants: [],
  tables: {
    [toldTables.order]: {
      ...part({}),
      order: { column: 'id' },
      columns: {
        id: 'key',
        told: { ignore: 'when each column was told' },
        told_at: 'touch',
        placed: { ignore: 'whether its placing was told' },
        ...Object.fromEntries(
          ['number', 'customer_id', 'currency', 'total_minor', 'status', 'shop_status']
            .concat('placed_at', 'cancelled_at', usualAttributes.map(attributeColumn))
            .map((column) => [column, 'value' as const]),
        ),
      },
    },
    [toldTables.line]: part({
      product: 'value',
      name: 'value',
      quantity: 'value',
      unit_price_minor: 'value',
      total_minor: 'value',
    }),
    [toldTables.shipping]: part({ method: 'value', price_minor: 'value' }),
    [toldTables.payment]: part({
      method: 'value',
      state: 'value',
      amount_minor: 'value',
      refunded_minor: 'value',
    }),
  },
};
