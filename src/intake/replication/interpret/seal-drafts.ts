import type { SealedValue } from '../../../orders/row-change.js';
import { present } from '../../../platform/assert.js';
import type { PersonalText } from './draft-image.js';
import type { SealRequest } from './draft-transaction.js';

/** Seals the values of several persons, in the given order. */
export type Seal = (
  given: readonly { keyOf: string; values: readonly string[] }[],
) => Promise<SealedValue[][]>;

/** Seals each requested value once, all in one call; the first request for a value decides on its key. */
export async function sealDrafts(
  requests: readonly SealRequest[],
  seal: Seal,
): Promise<Map<PersonalText, SealedValue>> {
  const keyOfValue = new Map<PersonalText, string>();
  for (const { value, keyOf } of requests) {
    if (!keyOfValue.has(value)) keyOfValue.set(value, keyOf);
  }
  if (keyOfValue.size === 0) return new Map();
  const byKey = Map.groupBy(keyOfValue, ([, keyOf]) => keyOf);
  const given = [...byKey].map(([keyOf, values]) => ({
    keyOf,
    texts: values.map(([value]) => value),
  }));
  const sealed = await seal(
    given.map(({ keyOf, texts }) => ({ keyOf, values: texts.map((value) => value.text) })),
  );
  const result = new Map<PersonalText, SealedValue>();
  given.forEach(({ texts }, group) =>
    texts.forEach((value, index) =>
      result.set(value, present(sealed[group]?.[index], 'every value given was sealed')),
    ),
  );
  return result;
}
