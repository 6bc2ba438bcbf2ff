/** What replication needs of the configuration. */
export class ReplicationSettings {
  /** @param retainedBytesMax most write-ahead log that our slot may hold back in a shop without a bound of its own */
  constructor(readonly retainedBytesMax: number) {}
}
