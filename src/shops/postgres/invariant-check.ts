import { Fault, messageOf } from '../../platform/errors.js';
import type { Profile } from '../profile.js';
import type { CheckFault } from '../shop-adapter.js';
import { readColumnTypes, type ColumnTypes } from './column-types.js';
import { OrderReader } from './order-reader.js';
import { invariantSql } from './proof-steps.js';
import type { ReadSession } from './shop-connections.js';
import { problemOf } from './shop-failure.js';
import { Parameters } from './sql-text.js';
import { fault } from './table-check.js';

/** Open orders on which the invariants are tried. */
const sampleSize = 20;

type Invariant = Profile['invariants'][number];

/** Runs every invariant, with a key that no order has and on the newest open orders; reads only. */
export async function invariantFaults(
  profile: Profile,
  session: ReadSession,
): Promise<CheckFault[]> {
  const types = await readColumnTypes(session, Object.keys(profile.tables));
  const orderIds = await sampleOrders(profile, types, session);
  // what keeps the orders from being read is named by the faults of the tables
  if (orderIds === undefined) return [];
  const check = new InvariantCheck(session, types.orderKey(profile), orderIds);
  const faults: CheckFault[] = [];
  for (const [index, invariant] of profile.invariants.entries()) {
    const path = ['invariants', index];
    const broken = (await check.meaning(invariant)) ?? (await check.truth(invariant));
    if (broken !== undefined)
      faults.push(fault(broken.severity, path, `"${invariant.name}" ${broken.message}`));
  }
  return faults;
}

async function sampleOrders(
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

type Broken = Pick<CheckFault, 'severity' | 'message'>;

class InvariantCheck {
  constructor(
    private readonly session: ReadSession,
    private readonly keyType: string,
    private readonly orderIds: readonly string[],
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
    const { length } = this.orderIds;
    try {
      let broken = 0;
      for (const orderId of this.orderIds)
        if ((await this.ask((inner) => `${inner} IS TRUE`, { sql, orderId })) !== 't') broken += 1;
      if (broken === 0) return undefined;
      const message = `does not hold for ${broken} of the ${length} newest open orders, so such orders could not be restored`;
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
    const inner = invariantSql(sql, parameters.add(orderId, this.keyType));
    const statement = parameters.statement(`SELECT ${expression(`(${inner})`)} AS answer`);
    const [row] = await this.session.inTransaction((query) => query(statement));
    return row?.['answer'] ?? null;
  }
}
