import type pg from 'pg';
import { unreachable } from '../../platform/assert.js';
import { failed, inSpan } from '../../platform/telemetry/tracing/span.js';
import { flushPrefix } from '../restore-marker.js';
import type { NoteTransaction, RestoreOutcome } from '../shop-adapter.js';
import { beginSql } from './restore-statements.js';
import type { Problem, RestoreStep } from './restore-step.js';
import { identityColumns, incarnationOf } from './server-identity.js';
import type { TextRow } from './shop-connections.js';
import { canRetry, isCertainlyRolledBack, problemOf } from './shop-failure.js';

export interface RestoreAttempt {
  readonly steps: readonly RestoreStep[];
  readonly noteTransaction: NoteTransaction;
  /** for servers that have no transaction_timeout of their own */
  readonly transactionTimeoutMs: number;
  /** tables of shared counters */
  readonly counters: readonly string[];
  /** has the server write its log to disk; for servers that cannot be asked so within a transaction */
  readonly flushElsewhere: () => Promise<void>;
}

/** Which transaction of which server it was; asked just before COMMIT. */
const identitySql = `
  SELECT pg_current_xact_id()::text AS transaction_id, ${identityColumns},
    (current_setting('server_version_num')::integer >= 170000)::text AS flushes`;

/** A message that is on disk, with all that was logged before it, when this returns; only one outside of the transaction can be. */
const flushSql = `SELECT pg_logical_emit_message(false, '${flushPrefix}', '', true)`;

/**
 * Runs the steps of one restore in one transaction of the shop: all of it, or nothing with a reason.
 * What `noteTransaction` throws is passed on, after everything is rolled back.
 */
export async function runRestore(
  open: () => Promise<pg.PoolClient>,
  attempt: RestoreAttempt,
): Promise<RestoreOutcome> {
  const attributes = {
    'db.system.name': 'postgresql',
    'reinstate.statements': attempt.steps.length,
  };
  return inSpan({ name: 'shop transaction', kind: 'client', attributes }, async (span) => {
    const outcome = await restoreOn(open, attempt);
    span.setAttribute('reinstate.outcome', outcome.outcome);
    if (outcome.outcome === 'failed') failed(span, outcome.reason);
    return outcome;
  });
}

async function restoreOn(
  open: () => Promise<pg.PoolClient>,
  attempt: RestoreAttempt,
): Promise<RestoreOutcome> {
  let client: pg.PoolClient;
  try {
    client = await open();
  } catch (error) {
    return outcomeOf(problemOf(error, { title: 'connect', counters: [] }));
  }
  const restore = new RestoreTransaction(client, attempt);
  client.on('error', restore.lose);
  try {
    return await restore.run();
  } finally {
    client.off('error', restore.lose);
    client.release(restore.isBroken);
  }
}

class RestoreTransaction {
  /** the session is in an unknown state and must not be used again */
  isBroken = true;
  /** Told of what ended the session while nothing was asked of it: time-outs of the server, for one. */
  readonly lose = (error: Error): void => void (this.lost ??= error);
  private lost: Error | undefined;
  private title = 'begin';
  private deadline = Infinity;

  constructor(
    private readonly client: pg.PoolClient,
    private readonly attempt: RestoreAttempt,
  ) {}

  async run(): Promise<RestoreOutcome> {
    const problem = await this.prepare();
    if (problem !== undefined) {
      await this.rollBack();
      return outcomeOf(problem);
    }
    const identity = await this.identify();
    if ('outcome' in identity) {
      await this.rollBack();
      return outcomeOf(identity);
    }
    try {
      await this.attempt.noteTransaction(identity);
    } catch (error) {
      await this.rollBack();
      throw error;
    }
    this.title = 'commit';
    const overdue = this.overdue();
    if (overdue === undefined) return await this.commit(identity);
    await this.rollBack();
    return outcomeOf(this.lost === undefined ? overdue : this.problem(this.lost));
  }

  private async prepare(): Promise<Problem | undefined> {
    this.deadline = performance.now() + this.attempt.transactionTimeoutMs;
    try {
      await this.client.query(beginSql);
      for (const step of this.attempt.steps) {
        this.title = step.title;
        const problem = this.overdue() ?? (await this.take(step));
        if (problem !== undefined) return problem;
      }
      return undefined;
    } catch (error) {
      return this.problem(error);
    }
  }

  /** Asked before each thing that is begun, so that only one statement can last beyond the deadline. */
  private overdue(): Problem | undefined {
    if (performance.now() <= this.deadline) return undefined;
    return { outcome: 'failed', reason: 'timeout', detail: `too slow (${this.title})` };
  }

  private async take(step: RestoreStep): Promise<Problem | undefined> {
    const { text, values } = step.statement;
    const { rows } = await this.client.query<TextRow>(text, [...values]);
    switch (step.kind) {
      case 'run':
        return undefined;
      case 'check':
        return rows[0] === undefined ? undefined : step.judge(rows[0]['found'] ?? '');
      case 'one':
        return rows.length === 1 ? undefined : step.judge();
      default:
        return unreachable(step);
    }
  }

  private async identify(): Promise<{ transactionId: number; incarnation: string } | Problem> {
    this.title = 'ask for the transaction’s id';
    const overdue = this.overdue();
    if (overdue !== undefined) return overdue;
    try {
      const { rows } = await this.client.query<TextRow>(identitySql);
      await this.keepId(rows[0]?.['flushes'] === 'true');
      return {
        transactionId: Number(rows[0]?.['transaction_id']),
        incarnation: incarnationOf(rows[0]),
      };
    } catch (error) {
      return this.problem(error);
    }
  }

  /**
   * A server that crashes gives an id of which nothing is on disk to another transaction, whose commit would then
   * be taken for ours. So the id is on disk before anybody notes it.
   */
  private async keepId(canFlush: boolean): Promise<void> {
    this.title = 'write the transaction’s id to disk';
    if (canFlush) await this.client.query(flushSql);
    else await this.attempt.flushElsewhere();
  }

  private problem(error: unknown): Problem {
    return problemOf(this.lost ?? error, {
      title: this.title,
      counters: this.attempt.counters,
    });
  }

  private async commit(identity: {
    transactionId: number;
    incarnation: string;
  }): Promise<RestoreOutcome> {
    try {
      // the server answers ROLLBACK to the COMMIT of a transaction that it has given up
      const { command } = await this.client.query('COMMIT');
      this.isBroken = false;
      return command === 'COMMIT'
        ? { outcome: 'applied', ...identity }
        : outcomeOf({ outcome: 'failed', reason: 'shop-error', detail: 'the shop rolled back' });
    } catch (error) {
      const problem = this.problem(error);
      return isCertainlyRolledBack(this.lost ?? error)
        ? outcomeOf(problem)
        : { outcome: 'unknown', ...identity, detail: problem.detail };
    }
  }

  private async rollBack(): Promise<void> {
    try {
      await this.client.query('ROLLBACK');
      this.isBroken = false;
    } catch (error) {
      // the connection is gone, and the transaction with it
      this.isBroken = true;
      this.lose(error as Error);
    }
  }
}

function outcomeOf(problem: Problem): RestoreOutcome {
  return problem.outcome === 'failed' ? { ...problem, retry: canRetry(problem.reason) } : problem;
}
