import { z } from 'zod';
import { actorKinds } from '../orders/order-event.js';

/** Column name in the shop's table. */
const column = z.string().min(1).max(63);

/** `schema.table`, as the shop names it. */
const table = z
  .string()
  .regex(/^[^.\s]+\.[^.\s]+$/, 'a table is named with its schema, e.g. public.order');

/** A pause such as `500ms`, `5s`, `2m`; parsed into milliseconds. */
const duration = z
  .string()
  .regex(/^\d+(ms|s|m|h)$/, 'a duration is a whole number with ms, s, m or h, e.g. 5s')
  .transform((text) => {
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[text.replace(/^\d+/, '')] ?? 1;
    return Number.parseInt(text, 10) * unit;
  });

/** Which rows: each named column holds one of the given texts (`null` stands for SQL NULL). */
const rowFilter = z.record(
  column,
  z.array(z.string('a text; put numbers and true/false in quotes').nullable()).min(1),
);

/**
 * Where a value of a compensating row comes from: a constant, the row that is being compensated
 * (`row`), the order's row before (`before`) or after (`after`) the cancellation, the order's key
 * (`order`), the plan item's id (`item`), the moment of the restore (`now`), or JSON built of these.
 */
export type ValueSource =
  | { value: string | number | boolean | null }
  | { row: string }
  | { before: string }
  | { after: string }
  | { order: true }
  | { item: true }
  | { now: true }
  | { json: Record<string, ValueSource> };

const valueSource: z.ZodType<ValueSource> = z.lazy(() =>
  z.union(
    [
      z.strictObject({ value: z.union([z.string(), z.number(), z.boolean(), z.null()]) }),
      z.strictObject({ row: column }),
      z.strictObject({ before: column }),
      z.strictObject({ after: column }),
      z.strictObject({ order: z.literal(true) }),
      z.strictObject({ item: z.literal(true) }),
      z.strictObject({ now: z.literal(true) }),
      z.strictObject({ json: z.record(z.string(), valueSource) }),
    ],
    'one of { value: … }, { row: column }, { before: column }, { after: column }, { order: true }, ' +
      '{ item: true }, { now: true }, { json: … }',
  ),
);

/** A new row, by column; columns left out take the table's defaults. */
const rowTemplate = z.record(column, valueSource);

/**
 * A counter that many orders share. The cancellation moved it by sign x amount, summed over the
 * order's own rows of `from`; the restore moves it back by the opposite, within the guard.
 */
const deltaRule = z.strictObject({
  from: table,
  /**
   * which changes of those rows count: rows it inserted, rows it updated (then `amount` is after - before), or
   * rows it took away, by deleting them or by the table's `removed_at`
   */
  on: z.enum(['inserted', 'updated', 'removed']),
  where: rowFilter.optional(),
  amount: column,
  sign: z.union([z.literal(1), z.literal(-1)]),
  /** counter's column -> column of `from` that picks the counter's row */
  match: z.record(column, column),
  /**
   * What to make of a counter that the cancellation did not move at all: leave the order to a person,
   * or move nothing either (in shops that write a ledger also for stock that nobody counts)
   */
  unmoved: z.enum(['person', 'skip']).default('person'),
  guard: z
    .strictObject({
      /** never below this number, or below this other column (or limit) of the counter's row */
      minimum: z.union([z.number().int(), column]).optional(),
      /** never above it */
      maximum: z.union([z.number().int(), column]).optional(),
    })
    .refine(
      ({ minimum, maximum }) => minimum !== undefined || maximum !== undefined,
      'a counter needs a minimum or a maximum',
    ),
});

/** How a restore treats a column; see docs/profiles.md. */
const columnRole = z.union(
  [
    z.enum(['key', 'value', 'touch', 'version']),
    z.strictObject({ value: z.literal('personal') }),
    z.strictObject({ ignore: z.string().min(1) }),
    z.strictObject({ delta: deltaRule }),
    /** the same number as a counter's, as text in a member of a JSON object: it is written with the counter */
    z.strictObject({ mirror: z.strictObject({ of: column, json: z.string().min(1) }) }),
  ],
  'one of key, value, touch, version, { value: personal }, { ignore: reason }, { delta: … }, { mirror: … }',
);
export type ColumnRole = z.infer<typeof columnRole>;
export type DeltaRule = z.infer<typeof deltaRule>;

/** What the restore does about rows that the cancellation inserted. The first rule that fits decides. */
const insertedRule = z.discriminatedUnion(
  'do',
  [
    z.strictObject({ where: rowFilter.optional(), do: z.enum(['keep', 'delete', 'person']) }),
    z.strictObject({ where: rowFilter.optional(), do: z.literal('compensate'), with: rowTemplate }),
  ],
  'a rule with do: keep, delete, person or compensate (which also needs `with`)',
);

const tableMapping = z.strictObject({
  key: z.array(column).min(1),
  /**
   * How a row finds its order: by a column that holds the order's key; by a column that holds the
   * key of a row of `parent` (which has an order), or what stands in that row's column `by`; or `shared`,
   * when the row belongs to no one order.
   */
  order: z.union(
    [
      z.literal('shared'),
      z.strictObject({ column, parent: table.optional(), by: column.optional() }),
    ],
    'either shared, or { column: …, parent: …, by: … }',
  ),
  /** rows with a value here count as taken away, although they are still there */
  removed_at: column.optional(),
  /** column -> column of the order: the rows that agree are the order's present ones, the others are its past */
  current: z.record(column, column).default({}),
  identity: z.enum(['key', 'full']).default('full'),
  /**
   * Numbers that the shop works out for a row of a shared table, by name: SQL that gives one number for the
   * row, which it calls `counter`. Only a counter's guard may name them.
   */
  limits: z.record(column, z.string().min(1)).default({}),
  columns: z.record(column, columnRole),
  inserted: z.array(insertedRule).default([]),
  /** rows that the cancellation deleted: put back whole, or left to a person */
  deleted: z.enum(['reinsert', 'person']).default('person'),
  /** rows to add once per restored order, such as a line in the order's history */
  append: z.array(rowTemplate).default([]),
});
export type TableMapping = z.infer<typeof tableMapping>;

const moneyUnit = z.enum(['minor', 'major']).default('minor');
const moneyColumn = z.strictObject({ column, unit: moneyUnit });

/** A number in a member of the JSON object that a column of the order's present rows of a table holds. */
const moneyMember = z.strictObject({
  table,
  column,
  json: z.string().min(1),
  unit: moneyUnit,
});

/** A column that names a payment's state; or moments, of which the first that is set does. */
const paymentState = z.union(
  [column, z.strictObject({ moments: z.record(z.string(), column), otherwise: z.string() })],
  'either a column, or { moments: { state: column }, otherwise: state }',
);

/** Where an attribute stands: on the order's row, or on the order's rows of a table (of those that fit `where`). */
const attributeSource = z.union(
  [column, z.strictObject({ table, column, where: rowFilter.optional() })],
  'either a column of the order, or { table: …, column: … }',
);

/** Words as people write them; `*` stands for more letters of a word, so that one phrase fits its endings too. */
const phrase = z
  .string()
  .max(200)
  .regex(/\p{L}[^\p{L}]*\p{L}/u, 'a phrase has at least two letters in it');

export const profileSchema = z.strictObject({
  profile: z.string().regex(/^[a-z0-9-]+$/),
  title: z.string(),
  order: z.strictObject({
    table,
    number: column,
    customer: column,
    currency: z.union(
      [z.strictObject({ column }), z.strictObject({ value: z.string().length(3) })],
      'either { column: … } or { value: EUR }',
    ),
    /** the order's total is the sum of these */
    total: z
      .array(
        z.union(
          [moneyColumn, moneyMember],
          'either a column of the order, or { table: …, column: …, json: … }',
        ),
      )
      .min(1),
    status: z.strictObject({
      column,
      cancelled: z.array(z.string()).min(1),
      /** paid or on its way to be: what a restore may bring an order back to */
      open: z.array(z.string()).min(1),
      shipped: z.array(z.string()).default([]),
    }),
    /** carts are not orders: the row counts as an order once this holds */
    placed_when: z.union(
      [
        z.strictObject({ column, not_null: z.literal(true) }),
        z.strictObject({ column, not_in: z.array(z.string()).min(1) }),
      ],
      'either { column: …, not_null: true } or { column: …, not_in: [ … ] }',
    ),
    placed_at: column,
    cancelled_at: column.optional(),
    /** attribute name -> column of the order's row, or of the order's rows of another table */
    attributes: z.record(z.string(), attributeSource).default({}),
  }),
  lines: z.strictObject({
    table,
    product: column,
    name: column.optional(),
    quantity: column,
    unit_price: moneyColumn.optional(),
    total: moneyColumn.optional(),
    /** product, name and unit_price stand on the row of this table whose key stands in the line's column */
    details: z.strictObject({ table, column }).optional(),
  }),
  /** what is paid for the way to the customer */
  shipping_lines: z
    .strictObject({ table, method: column.optional(), price: moneyColumn.optional() })
    .optional(),
  payments: z
    .strictObject({
      table,
      amount: moneyColumn,
      state: paymentState,
      held: z.array(z.string()).min(1),
      /** states that say the money was given back or let go: such an order is left to a person */
      released: z.array(z.string()).default([]),
      /** nobody has moved this money yet (cash on delivery, invoice): letting go of it gives nothing back */
      promised: rowFilter.optional(),
      method: column.optional(),
    })
    .optional(),
  refunds: z
    .strictObject({
      table,
      amount: moneyColumn,
      payment: column,
      state: column.optional(),
      failed: z.array(z.string()).default([]),
    })
    .optional(),
  /** rows that say who cancelled and why; without one, the order's own columns may */
  history: z
    .strictObject({
      table,
      /** which of its rows tell of a cancellation */
      where: rowFilter,
      at: column,
      actor: column.optional(),
      /** a column, or a member of the JSON object that the column holds */
      reason: z
        .union(
          [column, z.strictObject({ column, json: z.string().min(1) })],
          'either a column, or { column: …, json: member }',
        )
        .optional(),
      /** a column whose text tells the kind of actor, and the kinds its texts stand for */
      actor_kind: z
        .strictObject({
          column,
          map: z.record(z.string(), z.enum(['customer', 'staff', 'job', 'api'])),
          /** for a text that `map` does not name, and for SQL NULL */
          otherwise: z.enum(actorKinds).default('unknown'),
          missing: z.enum(actorKinds).default('unknown'),
        })
        .optional(),
    })
    .optional(),
  /** a refusal sign: an order flagged so was cancelled on purpose */
  fraud: z.strictObject({ table, where: rowFilter }).optional(),
  /** a row that says goods have left, for shops whose status forgets it when they cancel */
  shipment: z.strictObject({ table, where: rowFilter }).optional(),
  /** a shop that counts no stock says so; without it some column must be a delta */
  stock: z.strictObject({ ignore: z.string().min(1) }).optional(),
  cancellation: z.strictObject({
    /** changes of one cancellation are at most this far apart */
    settle: duration,
    /** and the whole of it lasts no longer than this */
    longest: duration,
    /** what a cancellation may change; an entry with anything else is not part of one */
    claims: z.record(
      table,
      z.strictObject({
        updated: z.array(column).default([]),
        inserted: z.union([z.boolean(), rowFilter]).default(false),
        deleted: z.boolean().default(false),
      }),
    ),
    /** what cancel reasons of this shop say, beside the phrases that are known anyway */
    reasons: z
      .strictObject({
        /** the customer wished it */
        wish: z.array(phrase).default([]),
        /** somebody decided that such orders shall not be delivered */
        policy: z.array(phrase).default([]),
        /** no money came */
        unpaid: z.array(phrase).default([]),
        /** words for who bought */
        customer: z.array(phrase).default([]),
      })
      .prefault({}),
  }),
  /** order in which a restore locks: tables of the order's own rows, first to last */
  locks: z.array(table).min(1),
  /** SQL that must give `true` for an order (its key is $1) before a restore commits */
  invariants: z.array(z.strictObject({ name: z.string(), sql: z.string() })).min(1),
  tables: z.record(table, tableMapping),
});

/** A shop profile: what the shop's tables mean and how each of their columns is restored. */
export type Profile = z.output<typeof profileSchema>;
