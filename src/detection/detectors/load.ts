import { z } from 'zod';
import { cellMs } from './window-starts.js';

/** Over how long the order rate is looked at: a rush of seconds, an evening's sale. */
const memoriesMs = [10_000, 60_000, 300_000, 3_600_000, 6 * 3_600_000] as const;
const keeps = memoriesMs.map((memoryMs) => Math.exp(-cellMs / memoryMs));

/** So many standard errors below what was counted: a single order is not a rush. */
const caution = 1.5;

export const loadSchema = z.array(z.number()).length(memoriesMs.length);
export type LoadState = z.infer<typeof loadSchema>;

/** How many orders are being placed: exponential memories of the recent past. */
export class Load {
  private counts: number[] = memoriesMs.map(() => 0);

  /** Takes the orders that were placed in one cell, and lets the cell pass. */
  pass(placed: number): void {
    for (let index = 0; index < keeps.length; index += 1) {
      this.counts[index] = ((this.counts[index] ?? 0) + placed) * (keeps[index] ?? 0);
    }
  }

  /**
   * Orders per hour that are surely being placed, over the memory that shows most: cancellations may
   * follow orders within seconds or within hours, and either way a rush of orders explains them.
   */
  placedPerHour(): number {
    let greatest = 0;
    for (let index = 0; index < memoriesMs.length; index += 1) {
      const count = this.counts[index] ?? 0;
      if (count < caution) continue;
      // an exponential memory of a Poisson stream has half the variance of its mean
      const sure = count - caution * Math.sqrt(count / 2);
      greatest = Math.max(greatest, (sure * 3_600_000) / (memoriesMs[index] ?? 1));
    }
    return greatest;
  }

  /** After a hole in time nothing is known of the load. */
  clear(): void {
    this.counts = memoriesMs.map(() => 0);
  }

  save(): LoadState {
    return [...this.counts];
  }

  restore(state: LoadState): void {
    this.counts = [...state];
  }
}
