import type pg from 'pg';
import { Fault } from '../../../platform/errors.js';
import { shopProblem } from '../source/shop-problem.js';
import type { Refusal } from './judge-shop.js';
import { lockTimeoutMs, type PublicationPlan } from './publication-plan.js';
import { readLockHolders } from './shop-facts.js';

const attempts = 8;
/** Grows with each attempt: those who queued up behind us get their turn in between. */
const pauseMs = 100;

/** The shop is not attached; nothing of what was changed is left. */
export function attachRefused(refusals: readonly Refusal[]): Fault {
  const list = refusals.map(({ where, message }) => `${where}: ${message}`).join('\n');
  return new Fault('conflict', 'attach-refused', `the shop is not attached:\n${list}`, {
    data: { refusals },
  });
}

/**
 * Makes the planned changes, each waiting for its lock at most half a second at a time. Where one is
 * refused, the ones before are undone and the refusal is thrown. Gives the statements that undo it all.
 */
export async function applyPlan(client: pg.Client, plan: PublicationPlan): Promise<string[]> {
  const undo: string[] = [];
  await client.query(`SET lock_timeout = '${lockTimeoutMs}ms'`);
  try {
    for (const change of plan.identities) {
      await patiently(client, change.table, () => changeIdentity(client, plan, change));
      undo.unshift(change.undoSql);
    }
    if (plan.publish !== null) {
      await patiently(client, plan.tests.map(({ table }) => table).join(', '), () =>
        publish(client, plan),
      );
      undo.unshift(plan.publish.undoSql);
    }
    return undo;
  } catch (error) {
    await undoAll(client, undo);
    throw error;
  }
}

/** Takes changes back; says which statements are left for a person where that fails. */
export async function undoAll(client: pg.Client, statements: readonly string[]): Promise<void> {
  const left: string[] = [];
  await client.query(`SET lock_timeout = '${lockTimeoutMs}ms'`);
  for (const sql of statements) {
    try {
      await patiently(client, '', () => client.query(sql));
    } catch {
      left.push(`${sql};`);
    }
  }
  if (left.length === 0) return;
  throw new Fault(
    'unavailable',
    'undo-incomplete',
    `the shop goes on undisturbed, but this has to be run by hand to take all changes back: ${left.join(' ')}`,
  );
}

/**
 * A publication of somebody else may ask for columns that the new identity does not leave it, and then the
 * shop's updates would fail at once: nobody sees the identity before its test has passed.
 */
async function changeIdentity(
  client: pg.Client,
  { tests }: PublicationPlan,
  { table, sql }: PublicationPlan['identities'][number],
): Promise<void> {
  const own = tests.filter((one) => one.table === table);
  await tested(client, { changes: [sql], tests: own });
}

/** The publication is not seen by anybody before its tests have passed. */
async function publish(
  client: pg.Client,
  { publish: plan, tests }: PublicationPlan,
): Promise<void> {
  await tested(client, { changes: plan?.sql ?? [], tests });
}

async function tested(
  client: pg.Client,
  { changes, tests }: { changes: readonly string[]; tests: PublicationPlan['tests'] },
): Promise<void> {
  await client.query('BEGIN');
  try {
    for (const sql of changes) await client.query(sql);
    for (const { table, sql } of tests) await test(client, { table, sql });
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function test(client: pg.Client, given: { table: string; sql: string }): Promise<void> {
  try {
    await client.query(given.sql);
  } catch (error) {
    if (isLockTimeout(error)) throw error;
    const message = `once published, the shop’s updates would fail: ${shopProblem(error)}`;
    throw attachRefused([{ code: 'write-would-fail', where: given.table, message }]);
  }
}

async function patiently(
  client: pg.Client,
  table: string,
  work: () => Promise<unknown>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (attempt >= attempts) throw await tableLocked(client, table);
      await new Promise((resolve) => setTimeout(resolve, pauseMs * attempt));
    }
  }
}

async function tableLocked(client: pg.Client, table: string): Promise<Fault> {
  const holders = await readLockHolders(client, table);
  const who = holders.length === 0 ? '' : ` by ${holders.join('; ')}`;
  const message = `it is locked${who}; it was tried ${attempts} times for ${lockTimeoutMs} ms: try again at a quieter time`;
  return attachRefused([{ code: 'table-locked', where: table, message }]);
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '55P03';
}
