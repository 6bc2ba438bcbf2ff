export interface StreamTimings {
  readonly feedbackIntervalMs: number;
  readonly silenceMs: number;
  readonly noteIntervalMs: number;
  /** first wait before trying again; doubled up to `retryMsMax` with each failure that no progress came between */
  readonly retryMs: number;
  readonly retryMsMax: number;
  /** how long a new slot may wait for the shop's running transactions before it is tried again */
  readonly slotLimitMs: number;
  /** how often the log that the shop holds back for us is looked at, where nothing else bounds it */
  readonly guardIntervalMs: number;
  /** a process that is stopped, or gone, is followed by another one after so long */
  readonly leaseMs: number;
  /** how often the lease is prolonged, and asked for by who waits for it */
  readonly leaseRenewMs: number;
}

export const defaultTimings: StreamTimings = {
  // well within the server's wal_sender_timeout (a minute), which ends connections that say nothing
  // and often enough that the journal is known to have passed the shop soon after it did
  feedbackIntervalMs: 1_000,
  silenceMs: 30_000,
  noteIntervalMs: 1_000,
  retryMs: 1_000,
  retryMsMax: 30_000,
  slotLimitMs: 600_000,
  guardIntervalMs: 5_000,
  leaseMs: 4_000,
  leaseRenewMs: 500,
};
