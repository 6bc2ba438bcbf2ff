import type pg from 'pg';
import { unreachable } from '../../platform/assert.js';
import { failed, inSpan } from '../../platform/telemetry/tracing/span.js';
import { flushPrefix } from '../restore-marker.js';
import type { NoteTransaction, RestoreOutcome } from '../shop-adapter.js';
import type { RestoreTimeouts } from './lock-steps.js';
import { boundedBeginSql } from './restore-statements.js';
import type { Problem, RestoreStep } from './restore-step.js';
import { identityColumns, incarnationOf } from './server-identity.js';
import { silenceMs } from './shop-connections.js';
import { canRetry, isCertainlyRolledBack, problemOf } from './shop-failure.js';
import { forgetsNames, knowsEnough, sendTogether, type Answer } from './statement-batch.js';

export interface RestoreAttempt {
  /** in groups, see `restoreSteps` */
  readonly steps: readonly (readonly RestoreStep[])[];
  readonly noteTransaction: NoteTransaction;
  /** the whole one is watched here too: servers before 17 have none of their own */
  readonly timeouts: RestoreTimeouts;
  /** tables of shared counters */
  readonly counters: readonly string[];
  /** has the server write its log to disk; for servers that cannot be asked so within a transaction */
  readonly flushElsewhere: () => Promise<void>;
}

/** Which transaction of which server it was; asked just before COMMIT. */
const identify = run(
  'ask for the transaction’s id',
  `SELECT pg_current_xact_id()::text AS transaction_id, ${identityColumns}`,
);

/** A message that is on disk, with all that was logged before it, when this returns; only one outside of the transaction can be. */
const flush = run(
  'write the transaction’s id to disk',
  `SELECT pg_logical_emit_message(false, '${flushPrefix}', '', true)`,
);

function run(title: string, text: string) {
  return { kind: 'run', title, statement: { text, values: [] } } as const;
}

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
    'reinstate.statements': attempt.steps.flat().length,
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
  let isBroken = true;
  try {
    let restore = await restoredOn(client, attempt);
    // nothing was noted or committed: it is done once more, without names
    if (forgetsNames(client, restore.failure)) restore = await restoredOn(client, attempt);
    isBroken = restore.isBroken;
    return restore.outcome;
  } finally {
    client.release(isBroken || knowsEnough(client));
  }
}

async function restoredOn(client: pg.PoolClient, attempt: RestoreAttempt) {
  const restore = new RestoreTransaction(client, attempt);
  client.on('error', restore.lose);
  try {
    const outcome = await restore.run();
    return { outcome, failure: restore.failure, isBroken: restore.isBroken };
  } finally {
    client.off('error', restore.lose);
  }
}

class RestoreTransaction {
  /** the session is in an unknown state and must not be used again */
  isBroken = true;
  /** what the server (or the network) said when it ended before its COMMIT */
  failure: unknown;
  /** Told of what ended the session while nothing was asked of it: time-outs of the server, for one. */
  readonly lose = (error: Error): void => void (this.lost ??= error);
  private lost: Error | undefined;
  private title = 'begin';
  private deadline = Infinity;
  private isModern = false;

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
    this.deadline = performance.now() + this.attempt.timeouts.transactionMs;
    const begun = await this.begin();
    if (begun !== undefined) return begun;
    for (const group of this.attempt.steps) {
      // an older server leaves it to us to end what takes too long: so it gets one statement at a time
      for (const steps of this.isModern ? [group] : group.map((step) => [step])) {
        const problem = await this.take(steps);
        if (problem !== undefined) return problem;
      }
    }
    return undefined;
  }

  /** From PostgreSQL 17 a server ends a transaction that takes too long by itself, and can flush within one. */
  private async begin(): Promise<Problem | undefined> {
    const { timeouts } = this.attempt;
    const text = boundedBeginSql(timeouts);
    const query_timeout = timeouts.statementMs + silenceMs;
    try {
      // a result for each of its statements
      const results = (await this.client.query({
        ...{ text, rowMode: 'array', query_timeout },
      } as pg.QueryArrayConfig)) as unknown as pg.QueryArrayResult<string[]>[];
      this.isModern = results.at(-1)?.rows[0]?.[0] === 'true';
      return undefined;
    } catch (error) {
      this.failure = error;
      return this.problem(error);
    }
  }

  /** Sends the steps together, unless time is up. They are judged in their order, and so is what ended them. */
  private async take(steps: readonly RestoreStep[]): Promise<Problem | undefined> {
    const answers = await this.send(steps, judged);
    return 'outcome' in answers ? answers : undefined;
  }

  private async send(
    steps: readonly RestoreStep[],
    judge: (step: RestoreStep, answer: Answer) => Problem | undefined = () => undefined,
  ): Promise<readonly Answer[] | Problem> {
    this.title = steps[0]?.title ?? this.title;
    const overdue = this.overdue();
    if (overdue !== undefined) return overdue;
    const timeoutMs = this.deadline - performance.now() + silenceMs;
    const statements = steps.map(({ statement }) => statement);
    const { answers, failure } = await sendTogether(this.client, statements, { timeoutMs });
    for (const [index, answer] of answers.entries()) {
      const step = steps[index];
      const problem = step === undefined ? undefined : judge(step, answer);
      if (problem !== undefined) return problem;
    }
    if (failure === undefined) return answers;
    this.title = steps[answers.length]?.title ?? this.title;
    this.failure = failure;
    return this.problem(failure);
  }

  /** Asked before anything is begun, so that what is sent at once alone can last beyond the deadline. */
  private overdue(): Problem | undefined {
    if (performance.now() <= this.deadline) return undefined;
    return { outcome: 'failed', reason: 'timeout', detail: `too slow (${this.title})` };
  }

  /**
   * A server that crashes gives an id of which nothing is on disk to another transaction, whose commit would then
   * be taken for ours. So the id is on disk before anybody notes it.
   */
  private async identify(): Promise<{ transactionId: number; incarnation: string } | Problem> {
    const answers = await this.send(this.isModern ? [identify, flush] : [identify]);
    if ('outcome' in answers) return answers;
    const [[transactionId, systemIdentifier, timeline] = []] = answers[0] ?? [];
    try {
      if (!this.isModern) await this.attempt.flushElsewhere();
    } catch (error) {
      this.title = flush.title;
      return this.problem(error);
    }
    return {
      transactionId: Number(transactionId),
      incarnation: incarnationOf({
        system_identifier: systemIdentifier ?? null,
        timeline: timeline ?? null,
      }),
    };
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

function judged(step: RestoreStep, answer: Answer): Problem | undefined {
  switch (step.kind) {
    case 'run':
      return undefined;
    case 'check':
      return answer[0] === undefined ? undefined : step.judge(answer[0][0] ?? '');
    case 'one':
      return answer.length === 1 ? undefined : step.judge();
    default:
      return unreachable(step);
  }
}

function outcomeOf(problem: Problem): RestoreOutcome {
  return problem.outcome === 'failed' ? { ...problem, retry: canRetry(problem.reason) } : problem;
}
