import { Fault, messageOf } from '../../platform/errors.js';
import type { Profile } from '../profile.js';
import { pathText } from '../profile-file.js';
import { completenessFaults, profileFaults } from '../profile-faults.js';
import type { CheckFault, CheckReport } from '../shop-adapter.js';
import { readCatalogue, readServer, type ServerFacts } from './catalogue.js';
import { readColumnTypes, type ColumnTypes } from './column-types.js';
import { OrderReader } from './order-reader.js';
import { neededPrivileges, privilegeFaults, type Need } from './privilege-check.js';
import { invariantSql } from './proof-steps.js';
import type { ReadSession } from './shop-connections.js';
import { Parameters } from './sql-text.js';
import { fault, tableFaults } from './table-check.js';

export interface ShopUnderCheck {
  readonly profile: Profile;
  readonly session: ReadSession;
  readonly readUrl: string;
  readonly writeUrl: string | undefined;
}

/** Open orders on which the invariants are tried. */
const sampleSize = 20;
const oldestSupported = 130_000;
/** from here on a message in the log arrives in the logical stream */
const messagesArriveFrom = 140_000;

/** Proves a profile on the live shop, reading only. Every fault is named at once. */
export async function checkShop(shop: ShopUnderCheck): Promise<CheckReport> {
  const { profile, session } = shop;
  const server = await readServer(session);
  const catalogue = await readCatalogue(session, Object.keys(profile.tables));
  const needs = neededPrivileges(profile, catalogue);
  const faults = [
    ...serverFaults(server),
    ...[...profileFaults(profile), ...completenessFaults(profile)].map(
      ({ path, message }): CheckFault => ({ severity: 'error', where: pathText(path), message }),
    ),
    ...tableFaults(profile, catalogue),
    ...(await writeFaults(shop, needs)),
    ...(await invariantFaults(shop)),
  ];
  return {
    ok: faults.every(({ severity }) => severity !== 'error'),
    serverVersion: server.version,
    faults,
  };
}

function serverFaults({ version, versionNumber, isStandby }: ServerFacts): CheckFault[] {
  const where = ['postgres', 'read'];
  const faults: CheckFault[] = [];
  if (versionNumber < oldestSupported)
    faults.push(fault('error', where, `PostgreSQL ${version} is too old; 13 or newer is needed`));
  else if (versionNumber < messagesArriveFrom)
    faults.push(
      fault(
        'warning',
        where,
        `PostgreSQL ${version} does not send our marks: restores are not recognised in its stream`,
      ),
    );
  if (isStandby)
    faults.push(
      fault('error', where, 'it leads to a standby; restores are decided on the primary'),
    );
  return faults;
}

async function writeFaults(
  { session, readUrl, writeUrl }: ShopUnderCheck,
  needs: readonly Need[],
): Promise<CheckFault[]> {
  const where = ['postgres', 'write'];
  if (writeUrl === undefined)
    return [fault('warning', where, 'there is none: the shop can only be observed')];
  const [read, write] = [new URL(readUrl), new URL(writeUrl)];
  const faults = [];
  if (read.host !== write.host || read.pathname !== write.pathname)
    faults.push(fault('warning', where, 'it leads to another server or database than `read`'));
  if (read.username === write.username)
    faults.push(fault('warning', where, 'it is the same role as `read`; give each its own'));
  const role = decodeURIComponent(write.username);
  return [...faults, ...(await privilegeFaults(session, { role, needs }))];
}

async function invariantFaults({ profile, session }: ShopUnderCheck): Promise<CheckFault[]> {
  const types = await readColumnTypes(session, Object.keys(profile.tables));
  const orderIds = await sampleOrders(profile, { types, session });
  // the tables' own faults are named already
  if (orderIds === undefined) return [];
  const faults: CheckFault[] = [];
  for (const [index, { name, sql }] of profile.invariants.entries()) {
    const invariant = { path: ['invariants', index], name, sql };
    faults.push(...(await invariantFault({ session, types, profile }, invariant, orderIds)));
  }
  return faults;
}

async function sampleOrders(
  profile: Profile,
  { types, session }: { types: ColumnTypes; session: ReadSession },
): Promise<string[] | undefined> {
  try {
    types.orderKey(profile);
    return await session.inTransaction((query) =>
      new OrderReader(profile, types, query).newestOpen(sampleSize),
    );
  } catch (error) {
    if (error instanceof Fault || (error as { code?: unknown }).code !== undefined)
      return undefined;
    throw error;
  }
}

async function invariantFault(
  { session, types, profile }: { session: ReadSession; types: ColumnTypes; profile: Profile },
  invariant: { path: (string | number)[]; name: string; sql: string },
  orderIds: readonly string[],
): Promise<CheckFault[]> {
  const { path, name } = invariant;
  const ask = async (expression: (sql: string) => string, orderId: string | null) => {
    const parameters = new Parameters();
    const sql = invariantSql(invariant.sql, parameters.add(orderId, types.orderKey(profile)));
    const [row] = await session.inTransaction((query) =>
      query(parameters.statement(`SELECT ${expression(`(${sql})`)} AS answer`)),
    );
    return row?.['answer'] ?? null;
  };
  try {
    const type = await ask((sql) => `pg_typeof(${sql})::text`, null);
    if (type !== 'boolean')
      return [fault('error', path, `"${name}" gives ${type ?? 'nothing'} and not true or false`)];
    let broken = 0;
    for (const orderId of orderIds)
      if ((await ask((sql) => `${sql} IS TRUE`, orderId)) !== 't') broken += 1;
    if (broken === 0) return [];
    const message = `"${name}" does not hold for ${broken} of the ${orderIds.length} newest open orders, so such orders could not be restored`;
    return [fault('warning', path, message)];
  } catch (error) {
    return [fault('error', path, `"${name}" cannot be run: ${messageOf(error)}`)];
  }
}
