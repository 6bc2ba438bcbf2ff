import type { FailureReason, RefusalReason } from '../shop-adapter.js';
import type { Statement } from './sql-text.js';

/** Why a restore does not go on. */
export type Problem =
  | { readonly outcome: 'refused'; readonly reason: RefusalReason; readonly detail: string }
  | { readonly outcome: 'failed'; readonly reason: FailureReason; readonly detail: string };

/**
 * One step of a restore's transaction, as data: the executor sends it, the script prints it.
 * `judge` says what it means when the step did not find what it expects; `found` is what a `check`
 * step told (column names or a status, never a value of a row).
 */
export type RestoreStep =
  /** what it returns means nothing */
  | { readonly kind: 'run'; readonly title: string; readonly statement: Statement }
  /** every row that it returns (one text) names something wrong */
  | {
      readonly kind: 'check';
      readonly title: string;
      readonly statement: Statement;
      readonly judge: (found: string) => Problem;
    }
  /** it must return (or write) exactly one row */
  | {
      readonly kind: 'one';
      readonly title: string;
      readonly statement: Statement;
      readonly judge: () => Problem;
    };
