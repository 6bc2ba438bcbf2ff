import type { PartLimits } from './source/source-transaction.js';

/** Bigger transactions are taken in part by part: what of one is in memory stays below some ten megabytes. */
const partLimits: PartLimits = { changes: 5_000, bytes: 4 * 2 ** 20 };

/** Days of a busy shop, and far from filling a disk. */
const spoolBytesMax = 4 * 2 ** 30;

/** What replication needs of the configuration. */
export class ReplicationSettings {
  /** most that may wait in our own database until the profile fits again */
  readonly spoolBytesMax: number;
  readonly partLimits: PartLimits;

  /** @param retainedBytesMax most write-ahead log that our slot may hold back in a shop without a bound of its own */
  constructor(
    readonly retainedBytesMax: number,
    limits: { spoolBytesMax?: number; partLimits?: PartLimits } = {},
  ) {
    this.spoolBytesMax = limits.spoolBytesMax ?? spoolBytesMax;
    this.partLimits = limits.partLimits ?? partLimits;
  }
}
