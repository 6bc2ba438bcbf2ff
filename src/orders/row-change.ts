/**
 * A column's value as PostgreSQL prints it (with pinned settings), or null. A personal value is never
 * held in the clear: it is sealed under its customer's key, with a keyed hash to compare by.
 */
export type ColumnValue = string | null | SealedValue;

/** A personal value, encrypted. Equal hashes under one key mean equal values. */
export interface SealedValue {
  /** base64 of nonce, AES-256-GCM ciphertext and tag */
  readonly sealed: string;
  /** base64url of a keyed hash */
  readonly hash: string;
  /** whose key it is: `customer:<id>` or, for a guest, `order:<id>` */
  readonly keyOf: string;
}

/** A row: column name to value. */
export type RowImage = Readonly<Record<string, ColumnValue>>;

/** The values of the key columns, in the profile's order, as text. */
export type RowKey = readonly string[];

/** What one source transaction made of one row, net: first before-image to last after-image. */
export interface RowChange {
  /** schema-qualified table name, e.g. `shop.orders` */
  readonly table: string;
  readonly key: RowKey;
  readonly operation: 'insert' | 'update' | 'delete';
  /** the row before; null for an insert, and for a row of which no image was known */
  readonly before: RowImage | null;
  /** the row after; null for a delete */
  readonly after: RowImage | null;
}

/** True where two values are the same to the letter (sealed ones: by their keyed hash). */
export function sameValue(left: ColumnValue, right: ColumnValue): boolean {
  if (isSealed(left) && isSealed(right))
    return left.hash === right.hash && left.keyOf === right.keyOf;
  return left === right;
}

export function isSealed(value: ColumnValue | undefined): value is SealedValue {
  return typeof value === 'object' && value !== null;
}

/** In place of the hash of a value that came after its person had been erased. No keyed hash has this form. */
const erasedHash = 'erased';

/** What is kept of a personal value whose person was erased before it came: that there was one. */
export function erasedValue(keyOf: string): SealedValue {
  return { sealed: '', hash: erasedHash, keyOf };
}

/** Such a value: nobody can tell what it was, nor whether it differs from another one. */
export function isErased(value: ColumnValue | undefined): boolean {
  return isSealed(value) && value.hash === erasedHash;
}

/** The columns whose values differ; for an insert or delete, all columns of the row. */
export function changedColumns(change: RowChange): string[] {
  const { before, after } = change;
  if (before === null || after === null) return Object.keys(after ?? before ?? {});
  return Object.keys(after).filter(
    (column) => !sameValue(before[column] ?? null, after[column] ?? null),
  );
}

/** One text per key, the same for equal keys; the form in which row images are looked up. */
export function rowKeyText(key: RowKey): string {
  const [only] = key;
  // what nearly all keys are, and what nothing in JSON has to be escaped of
  if (only !== undefined && key.length === 1 && plainKey.test(only)) return `["${only}"]`;
  return JSON.stringify(key);
}

const plainKey = /^[\w-]*$/;
