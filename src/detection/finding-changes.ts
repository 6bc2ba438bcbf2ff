import type { FindingMeasure, FindingUpdate } from './detector.js';

/** What one batch made of one finding: its last state, and all positions that it gained. */
export interface FindingChange {
  readonly fingerprint: string;
  readonly state: 'live' | 'closed';
  readonly measure: FindingMeasure;
  readonly addedPositions: readonly number[];
}

/**
 * Several updates, in their order, as one change per life of a finding. A finding that closed and was
 * opened again within the batch has two lives.
 */
export function collapse(updates: readonly FindingUpdate[]): FindingChange[] {
  const changes: FindingChange[] = [];
  const open = new Map<string, number>();
  for (const update of updates) {
    const { fingerprint, state, measure } = update;
    const index = open.get(fingerprint) ?? changes.length;
    const earlier = changes[index]?.addedPositions ?? [];
    const addedPositions = [...earlier, ...update.addedPositions];
    changes[index] = { fingerprint, state, measure, addedPositions };
    if (state === 'closed') open.delete(fingerprint);
    else open.set(fingerprint, index);
  }
  return changes;
}
