import type { SourceChange, SourceOldTuple, SourceRelation, SourceTuple } from './pgoutput.js';
import type { SourceTransaction } from './source-transaction.js';

/** JSON has no `undefined`: a value that was not sent (unchanged TOAST) is written as this number. */
const notSent = 0;

type StoredTuple = readonly (string | null | typeof notSent)[];

/** A transaction as text, to be kept until it can be interpreted. */
export function encodeTransaction(transaction: SourceTransaction): string {
  return JSON.stringify({ ...transaction, changes: transaction.changes.map(encodeChange) });
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
      : { ...encodeChange(change), relation: numberOf(change.relation) },
  );
  return JSON.stringify({ changes: numbered, relations: [...relations.keys()] });
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

/** As JSON has it: what was not sent is told, and not taken for NULL. */
function encodeChange<Change extends SourceChange>(change: Change): Change {
  return withTuples(change, (tuple) =>
    tuple.includes(undefined)
      ? (tuple.map((value) => (value === undefined ? notSent : value)) as unknown as SourceTuple)
      : tuple,
  );
}

function decodeChange(change: SourceChange): SourceChange {
  return withTuples(change, (tuple) => {
    const stored = tuple as StoredTuple;
    return stored.includes(notSent)
      ? stored.map((value) => (value === notSent ? undefined : value))
      : tuple;
  });
}

/** The change with other tuples. */
function withTuples<Change extends SourceChange>(
  given: Change,
  made: (tuple: SourceTuple) => SourceTuple,
): Change;
function withTuples(change: SourceChange, made: (tuple: SourceTuple) => SourceTuple): SourceChange {
  const madeOld = (old: SourceOldTuple): SourceOldTuple => ({ ...old, values: made(old.values) });
  switch (change.kind) {
    case 'truncate':
      return change;
    case 'insert':
      return { ...change, after: made(change.after) };
    case 'delete':
      return { ...change, before: madeOld(change.before) };
    case 'update':
      return {
        ...change,
        before: change.before === null ? null : madeOld(change.before),
        after: made(change.after),
      };
  }
}
