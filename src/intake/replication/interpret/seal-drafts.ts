import type { ValuesOf } from '../../../journal/personal-data.js';
import type { SealedValue } from '../../../orders/row-change.js';
import { present } from '../../../platform/assert.js';
import type { PersonalText } from './draft-image.js';
import type { SealRequest } from './draft-transaction.js';

/** Seals the values of several persons, in the given order. */
export type Seal = (given: readonly ValuesOf[]) => Promise<SealedValue[][]>;

/** One text under one key, and all that stands for it. */
interface Wanted {
  readonly values: PersonalText[];
  known: SealedValue | undefined;
}

/**
 * Seals each requested value, all in one call, and each text under one key once: an address that did not change is
 * the same sealed value before and after. The first request for a value decides on its key.
 */
export async function sealDrafts(
  requests: readonly SealRequest[],
  seal: Seal,
): Promise<Map<PersonalText, SealedValue>> {
  if (requests.length === 0) return new Map();
  const wanted = [...wantedOf(requests)].map(([keyOf, texts]) => ({
    keyOf,
    texts: [...texts.entries()],
  }));
  const sealed = await seal(
    wanted.map(({ keyOf, texts }) => ({
      keyOf,
      values: texts.map(([text]) => text),
      known: texts.map(([, { known }]) => known),
    })),
  );
  const result = new Map<PersonalText, SealedValue>();
  wanted.forEach(({ texts }, group) =>
    texts.forEach(([, { values }], index) => {
      const one = present(sealed[group]?.[index], 'every value given was sealed');
      for (const value of values) result.set(value, one);
    }),
  );
  return result;
}

/** By key, and then by text. */
function wantedOf(requests: readonly SealRequest[]): Map<string, Map<string, Wanted>> {
  const wanted = new Map<string, Map<string, Wanted>>();
  const seen = new Set<PersonalText>();
  for (const { value, keyOf, known } of requests) {
    if (seen.has(value)) continue;
    seen.add(value);
    const ofKey = wanted.get(keyOf) ?? new Map<string, Wanted>();
    wanted.set(keyOf, ofKey);
    const same = ofKey.get(value.text);
    if (same === undefined) ofKey.set(value.text, { values: [value], known });
    else {
      same.values.push(value);
      same.known ??= known;
    }
  }
  return wanted;
}
