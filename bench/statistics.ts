import type { Spread } from './figure.js';

/** The value below which that share of the sample lies (nearest rank); 0.5 of an even number gives the lower middle. */
export function percentileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  const value = sorted[rank - 1];
  if (value === undefined) throw new Error('no percentile of nothing');
  return value;
}

/** The middle one, or the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = (sorted.length - 1) / 2;
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  if (low === undefined || high === undefined) throw new Error('no median of nothing');
  return (low + high) / 2;
}

/** The median (or the value that stands for all) between the lowest and the highest. */
export function spreadOf(values: readonly number[], value = medianOf(values)): Spread {
  return { value, lowest: Math.min(...values), highest: Math.max(...values) };
}

/** The list in so many parts of about one length, in order. */
export function blocksOf<T>(values: readonly T[], count: number): T[][] {
  const size = Math.ceil(values.length / count);
  const blocks = Array.from({ length: count }, (_, place) =>
    values.slice(place * size, (place + 1) * size),
  );
  return blocks.filter((block) => block.length > 0);
}
