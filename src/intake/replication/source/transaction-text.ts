import type { SourceChange, SourceTuple } from './pgoutput.js';
import type { SourceTransaction } from './source-transaction.js';

/** JSON has no `undefined`: a value that was not sent (unchanged TOAST) is written as this number. */
const notSent = 0;

type StoredTuple = readonly (string | null | typeof notSent)[];

/** A transaction as text, to be kept until it can be interpreted. */
export function encodeTransaction(transaction: SourceTransaction): string {
  return JSON.stringify(transaction, (_key, value: unknown) =>
    Array.isArray(value) ? value.map((item: unknown) => item ?? stored(item)) : value,
  );
}

/** The transaction in such a text. */
export function decodeTransaction(text: string): SourceTransaction {
  const transaction = JSON.parse(text) as SourceTransaction;
  return { ...transaction, changes: transaction.changes.map(decodeChange) };
}

function stored(item: unknown): unknown {
  return item === undefined ? notSent : item;
}

function decodeChange(change: SourceChange): SourceChange {
  switch (change.kind) {
    case 'truncate':
      return change;
    case 'insert':
      return { ...change, after: decodeTuple(change.after) };
    case 'delete':
      return { ...change, before: decodeOld(change.before) };
    case 'update':
      return {
        ...change,
        before: change.before === null ? null : decodeOld(change.before),
        after: decodeTuple(change.after),
      };
  }
}

function decodeOld<Old extends { readonly values: SourceTuple }>(old: Old): Old {
  return { ...old, values: decodeTuple(old.values) };
}

function decodeTuple(tuple: SourceTuple): SourceTuple {
  return (tuple as StoredTuple).map((value) => (value === notSent ? undefined : value));
}
