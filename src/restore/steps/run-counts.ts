import type { RunView } from '../restore.schema.js';

/** `3 verified, 1 refused`: orders of a run by state, without those that are nought. */
export function countsInWords({ items }: Pick<RunView, 'items'>): string {
  const parts = Object.entries(items)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`);
  return parts.length === 0 ? 'no orders' : parts.join(', ');
}
