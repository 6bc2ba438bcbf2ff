import type { SourceChange, SourceRelation, SourceTuple } from './pgoutput.js';
import type { SourceTransaction } from './source-transaction.js';

/** JSON has no `undefined`: a value that was not sent (unchanged TOAST) is written as this number. */
const notSent = 0;

type StoredTuple = readonly (string | null | typeof notSent)[];

/** A transaction as text, to be kept until it can be interpreted. */
export function encodeTransaction(transaction: SourceTransaction): string {
  return encode(transaction);
}

/** The transaction in such a text. */
export function decodeTransaction(text: string): SourceTransaction {
  const transaction = JSON.parse(text) as SourceTransaction;
  return { ...transaction, changes: transaction.changes.map(decodeChange) };
}

/** Many changes as text; the tables that they are of are told once. */
export function encodeChanges(changes: readonly SourceChange[]): string {
  const relations = new Map<SourceRelation, number>();
  const numberOf = (relation: SourceRelation): number => {
    const number = relations.get(relation) ?? relations.size;
    relations.set(relation, number);
    return number;
  };
  const numbered = changes.map((change) =>
    change.kind === 'truncate'
      ? { ...change, relations: change.relations.map(numberOf) }
      : { ...change, relation: numberOf(change.relation) },
  );
  return encode({ changes: numbered, relations: [...relations.keys()] });
}

/** The changes in such a text. */
export function decodeChanges(text: string): SourceChange[] {
  const { changes, relations } = JSON.parse(text) as {
    changes: (Numbered & { kind: SourceChange['kind'] })[];
    relations: SourceRelation[];
  };
  return changes.map((change) =>
    decodeChange({
      ...change,
      relation: relations[change.relation ?? -1],
      relations: change.relations?.map((number) => relations[number]),
    } as SourceChange),
  );
}

interface Numbered {
  readonly relation?: number;
  readonly relations?: readonly number[];
}

function encode(given: object): string {
  return JSON.stringify(given, (_key, value: unknown) =>
    Array.isArray(value) ? value.map((item: unknown) => item ?? stored(item)) : value,
  );
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
