import { Fault, messageOf } from '../../platform/errors.js';
import type { Profile } from '../profile.js';
import type { CheckFault } from '../shop-adapter.js';
import { readColumnTypes, type ColumnTypes } from './column-types.js';
import { OrderReader } from './order-reader.js';
import { invariantSql } from './proof-steps.js';
import type { RestoreTimeouts } from './lock-steps.js';
import type { ReadSession } from './shop-connections.js';
import { problemOf } from './shop-failure.js';
import { Parameters } from './sql-text.js';
import { fault } from './table-check.js';

/** Open orders on which the invariants are tried. */
const sampleSize = 20;

type Invariant = Profile['invariants'][number];

/** Open orders of the live shop, to try the profile's SQL on. */
export interface OrderSample {
  readonly types: ColumnTypes;
  readonly orderIds: readonly string[];
}

/** Undefined where orders cannot be read: the faults of the tables name what keeps them from it. */
export async function sampleOrders(
  profile: Profile,
  session: ReadSession,
): Promise<OrderSample | undefined> {
  const types = await readColumnTypes(session, Object.keys(profile.tables));
  const orderIds = await newestOrders(profile, types, session);
  return orderIds === undefined ? undefined : { types, orderIds };
}

/** Runs every invariant, with a key that no order has and on the newest open orders; reads only. */
export async function invariantFaults(
  profile: Profile,
  { types, orderIds, timeouts }: OrderSample & { readonly timeouts: RestoreTimeouts },
  session: ReadSession,
): Promise<CheckFault[]> {
  const check = new InvariantCheck(session, {
    keyType: types.orderKey(profile),
    orderIds,
    statementMs: timeouts.statementMs,
  });
  const faults: CheckFault[] = [];
  for (const [index, invariant] of profile.invariants.entries()) {
    const path = ['invariants', index];
    const broken = (await check.meaning(invariant)) ?? (await check.truth(invariant));
    if (broken !== undefined)
      faults.push(fault(broken.severity, path, `"${invariant.name}" ${broken.message}`));
  }
  return faults;
}

async function newestOrders(
  profile: Profile,
  types: ColumnTypes,
  session: ReadSession,
): Promise<string[] | undefined> {
  try {
    types.orderKey(profile);
    return await session.inTransaction((query) =>
      new OrderReader(profile, types, query).newestOpen(sampleSize),
    );
  } catch (error) {
    const isOfDatabase = (error as { code?: unknown }).code !== undefined;
    if (error instanceof Fault || isOfDatabase) return undefined;
    throw error;
  }
}

/** While an invariant runs, the order and its counters are locked. */
function slow({ slowestMs, statementMs }: Record<'slowestMs' | 'statementMs', number>) {
  if (slowestMs < statementMs / 4) return undefined;
  const message = `took ${Math.round(slowestMs)} ms for one order, which is locked all the while, and a restore gives it ${statementMs} ms; add an index, or make it look at fewer rows`;
  return { severity: 'warning', message } as const;
}

type Broken = Pick<CheckFault, 'severity' | 'message'>;

class InvariantCheck {
  constructor(
    private readonly session: ReadSession,
    private readonly sample: {
      readonly keyType: string;
      readonly orderIds: readonly string[];
      readonly statementMs: number;
    },
  ) {}

  /** Whether it can be run at all, and gives true or false. No row of the shop goes into the message. */
  async meaning({ sql }: Invariant): Promise<Broken | undefined> {
    try {
      const type = await this.ask((inner) => `pg_typeof(${inner})::text`, { sql, orderId: null });
      if (type === 'boolean') return undefined;
      return { severity: 'error', message: `gives ${type ?? 'nothing'} and not true or false` };
    } catch (error) {
      return { severity: 'error', message: `cannot be run: ${messageOf(error)}` };
    }
  }

  /** Whether it holds for the newest open orders: those for which it does not could not be restored. */
  async truth({ sql }: Invariant): Promise<Broken | undefined> {
    const { orderIds, statementMs } = this.sample;
    try {
      let broken = 0;
      let slowestMs = 0;
      for (const orderId of orderIds) {
        const startedAt = performance.now();
        if ((await this.ask((inner) => `${inner} IS TRUE`, { sql, orderId })) !== 't') broken += 1;
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      }
      if (broken === 0) return slow({ slowestMs, statementMs });
      const message = `does not hold for ${broken} of the ${orderIds.length} newest open orders, so such orders could not be restored`;
      return { severity: 'warning', message };
    } catch (error) {
      // the server's own message may quote a row
      const { detail } = problemOf(error, { title: 'tried on an open order', counters: [] });
      return { severity: 'error', message: `fails: ${detail}` };
    }
  }

  private async ask(
    expression: (inner: string) => string,
    { sql, orderId }: { sql: string; orderId: string | null },
  ): Promise<string | null> {
    const parameters = new Parameters();
    const inner = invariantSql(sql, parameters.add(orderId, this.sample.keyType));
    const statement = parameters.statement(`SELECT ${expression(`(${inner})`)} AS answer`);
    const [row] = await this.session.inTransaction((query) => query(statement));
    return row?.['answer'] ?? null;
  }
}
