import type pg from 'pg';
import { Fault } from '../../../platform/errors.js';
import { shopProblem } from '../source/shop-problem.js';
import type { Refusal } from './judge-shop.js';
import {
  lockTimeoutMs,
  undoScript,
  type PublicationPlan,
  type UndoStep,
} from './publication-plan.js';
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
 * Makes the planned changes, each waiting for its lock at most half a second at a time, until one is
 * refused. The way back from each that was made is put first into `undo`: the caller takes them back.
 */
export async function applyPlan(
  client: pg.Client,
  plan: PublicationPlan,
  undo: UndoStep[],
): Promise<void> {
  await client.query(`SET lock_timeout = '${lockTimeoutMs}ms'`);
  for (const change of plan.identities) {
    const { table, sql, undoSql } = change;
    const tests = plan.tests.filter((one) => one.table === table);
    await patiently(client, table, () => tested(client, { changes: [sql], tests }));
    undo.unshift({ sql: undoSql, tests });
  }
  if (plan.publish === null) return;
  const { sql: changes, undoSql } = plan.publish;
  const { tests } = plan;
  await patiently(client, tests.map(({ table }) => table).join(', '), () =>
    tested(client, { changes, tests }),
  );
  undo.unshift({ sql: undoSql, tests: [] });
}

/**
 * Takes changes back, each tested as it was when it was made: since then somebody else may have published
 * a table in a way that needs our identity. Gives the SQL of those that are left for a person; they are as
 * if they had not been tried.
 */
export async function undoAll(client: pg.Client, steps: readonly UndoStep[]): Promise<string[]> {
  const left: string[] = [];
  await client.query(`SET lock_timeout = '${lockTimeoutMs}ms'`);
  for (const step of steps) {
    try {
      await patiently(client, '', () => tested(client, { changes: [step.sql], tests: step.tests }));
    } catch {
      left.push(undoScript(step));
    }
  }
  return left;
}

/** Takes all of it back. @throws Fault `undo-incomplete` with the SQL that is left for a person */
export async function takeBack(client: pg.Client, steps: readonly UndoStep[]): Promise<void> {
  const left = await undoAll(client, steps);
  if (left.length === 0) return;
  throw new Fault(
    'unavailable',
    'undo-incomplete',
    `the shop goes on undisturbed, but this has to be run by hand to take all changes back:\n${left.join('\n')}`,
  );
}

/**
 * A publication of somebody else may ask for columns that another identity does not leave it, and then the
 * shop's updates would fail at once: nobody sees a change before its tests have passed.
 */
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
