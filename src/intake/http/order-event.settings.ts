/** How the intake of order events by HTTP was configured. */
export class OrderEventSettings {
  /** `silentAfterMs`: a shop that tells nothing for longer is told of; null where none is */
  constructor(readonly silentAfterMs: number | null) {}
}
