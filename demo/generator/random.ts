/**
 * A small seeded source of chance: the same seed gives the same numbers on every machine. Not for
 * secrets. Streams with different labels are independent, so that what one order decides does not
 * depend on how many others were decided before it.
 */
export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** One of the keys, each as likely as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K;
  /** A waiting time with this mean, as between independent arrivals. */
  exponential(mean: number): number;
}

export function randomFrom(seed: string, label: string): Random {
  const next = sfc32(`${seed}/${label}`);
  const whole = (least: number, most: number): number =>
    least + Math.floor(next() * (most - least + 1));
  return {
    next,
    whole,
    chance: (probability) => next() < probability,
    pick: (list) => {
      const value = list[whole(0, list.length - 1)];
      if (value === undefined) throw new Error('cannot pick from an empty list');
      return value;
    },
    weighted: (weights) => pickWeighted(weights, next()),
    exponential: (mean) => -Math.log(1 - next()) * mean,
  };
}

function pickWeighted<K extends string>(weights: Readonly<Record<K, number>>, share: number): K {
  const keys = Object.keys(weights) as K[];
  const total = keys.reduce((sum, key) => sum + weights[key], 0);
  let rest = share * total;
  for (const key of keys) {
    rest -= weights[key];
    if (rest < 0) return key;
  }
  const last = keys.at(-1);
  if (last === undefined) throw new Error('cannot pick without weights');
  return last;
}

/** Chris Doty-Humphrey's sfc32, seeded from the text by four FNV-1a hashes and warmed up. */
function sfc32(seed: string): () => number {
  let a = fnv1a(seed, 0);
  let b = fnv1a(seed, 1);
  let c = fnv1a(seed, 2);
  let counter = fnv1a(seed, 3);
  const step = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 15; round += 1) step();
  return step;
}

function fnv1a(text: string, salt: number): number {
  let hash = (0x811c9dc5 ^ salt) | 0;
  for (let place = 0; place < text.length; place += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(place), 0x01000193);
  }
  return hash;
}
