import type { Profile } from '../profile.js';
import { pathText } from '../profile-file.js';
import { completenessFaults } from '../profile-completeness.js';
import { profileFaults } from '../profile-faults.js';
import type { CheckFault, CheckReport } from '../shop-adapter.js';
import { readCatalogue, readServer, type ServerFacts } from './catalogue.js';
import { invariantFaults, sampleOrders, type OrderSample } from './invariant-check.js';
import { limitFaults } from './limit-check.js';
import { personalFaults } from './personal-check.js';
import { neededPrivileges, privilegeFaults, type Need } from './privilege-check.js';
import type { RestoreTimeouts } from './lock-steps.js';
import type { ReadSession } from './shop-connections.js';
import { tablesReadBySql } from './sql-reads.js';
import { fault, tableFaults } from './table-check.js';

export interface ShopUnderCheck {
  readonly profile: Profile;
  readonly session: ReadSession;
  readonly readUrl: string;
  readonly writeUrl: string | undefined;
  /** what the policy lets a restore wait and take */
  readonly timeouts: RestoreTimeouts;
}

const oldestSupported = 130_000;
/** from here on a message in the log arrives in the logical stream */
const messagesArriveFrom = 140_000;

/** Proves a profile on the live shop, reading only. Every fault is named at once. */
export async function checkShop(shop: ShopUnderCheck): Promise<CheckReport> {
  const { profile, session, timeouts } = shop;
  const server = await readServer(session);
  const catalogue = await readCatalogue(session, Object.keys(profile.tables));
  const reached = new Map([...catalogue].filter(([, table]) => table.isReadable));
  // a table that may not be read is told as a fault of its own; what would have to read it is not tried
  const sample = reached.size === catalogue.size ? await sampleOrders(profile, session) : undefined;
  const needs = [
    // of a schema that the read role may not enter, the server does not tell who else may
    ...neededPrivileges(profile, reached),
    ...(await sqlNeeds(profile, sample, session)),
  ];
  const faults = [
    ...serverFaults(server),
    ...lockFaults(server, shop.timeouts),
    ...[...profileFaults(profile), ...completenessFaults(profile)].map(
      ({ path, message }): CheckFault => ({ severity: 'error', where: pathText(path), message }),
    ),
    ...tableFaults(profile, catalogue),
    ...personalFaults(profile, catalogue),
    ...(await writeFaults(shop, needs)),
    ...(await limitFaults(profile, catalogue, session)),
    ...(sample === undefined
      ? []
      : await invariantFaults(profile, { ...sample, timeouts }, session)),
  ];
  return {
    ok: faults.every(({ severity }) => severity !== 'error'),
    serverVersion: server.version,
    faults,
  };
}

/** What the profile's own SQL reads beside the mapped tables, the write role must be able to read too. */
async function sqlNeeds(
  profile: Profile,
  sample: OrderSample | undefined,
  session: ReadSession,
): Promise<Need[]> {
  if (sample === undefined) return [];
  const { types, orderIds } = sample;
  const [orderId = null] = orderIds;
  const tables = await tablesReadBySql({ profile, types, orderId }, session);
  return tables.map((table): Need => ({ table, privilege: 'SELECT' }));
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
      fault(
        'error',
        where,
        'it leads to a standby, and restores are decided on the primary; give the primary’s address',
      ),
    );
  return faults;
}

/** Whoever waits longer than `deadlock_timeout` in a deadlock is ended: that must be us and not the shop. */
function lockFaults({ deadlockTimeoutMs }: ServerFacts, { lockMs }: RestoreTimeouts): CheckFault[] {
  if (lockMs < deadlockTimeoutMs) return [];
  const message =
    `a restore waits ${lockMs} ms for its first lock, and the server looks for deadlocks after ${deadlockTimeoutMs} ms, ` +
    'so that the shop might lose one; make lock_timeout_ms less than that';
  return [fault('warning', ['restore', 'lock_timeout_ms'], message)];
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
