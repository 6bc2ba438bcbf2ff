import type { RestoreItem } from '../shop-adapter.js';
import { expectSteps } from './expect-steps.js';
import {
  compareSteps,
  counterLockSteps,
  orderLockSteps,
  settingSteps,
  type RestoreTimeouts,
} from './lock-steps.js';
import { invariantSteps, markerStep, readOnly, rereadSteps } from './proof-steps.js';
import type { RestoreStep } from './restore-step.js';
import type { RestoreContext } from './row-sql.js';
import { unmappedColumnsStep } from './unmapped-columns.js';
import { writeSteps } from './write-steps.js';

/** READ COMMITTED, whatever the role's default is: each statement sees what was committed before its lock. */
export const beginSql = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE';

/**
 * Begins with its bounds in one message, which a server has whole or not at all: a session of which the network cuts
 * off the rest would else stand open until somebody ends it, since between two parts of what is sent together it is
 * neither idle nor busy. Where a server has no `transaction_timeout`, nothing is sent together.
 */
export function boundedBeginSql({
  statementMs,
  transactionMs,
}: Pick<RestoreTimeouts, 'statementMs' | 'transactionMs'>): string {
  return `${beginSql};
    SELECT set_config(name, bound, true)
      FROM (VALUES ('idle_in_transaction_session_timeout', '${statementMs}ms'),
                   ('transaction_timeout', '${transactionMs}ms')) AS bounds (name, bound)
     WHERE current_setting(name, true) IS NOT NULL;
    SELECT (current_setting('server_version_num')::integer >= 170000)::text`;
}

/**
 * The whole of a restore (or undo) between BEGIN and COMMIT, as data. First all locks and comparisons,
 * then all writes, then the proof that the shop holds what was planned, and nothing else. What is in one group
 * may be sent together: nothing is written before all comparisons are known, and while the first lock is waited
 * for, nothing else is under way.
 */
export function restoreSteps(
  context: RestoreContext,
  { item, marker, timeouts }: { item: RestoreItem; marker: string; timeouts: RestoreTimeouts },
): RestoreStep[][] {
  const [firstLock, ...furtherLocks] = orderLockSteps(context, item);
  return [
    [...settingSteps(timeouts), firstLock],
    [
      ...furtherLocks,
      ...compareSteps(context, item),
      ...counterLockSteps(context, item),
      ...expectSteps(context, item),
      unmappedColumnsStep(context.profile),
    ],
    [
      ...writeSteps(context, item),
      ...rereadSteps(context, item),
      markerStep(marker),
      ...readOnly(invariantSteps(context, item)),
    ],
  ];
}
