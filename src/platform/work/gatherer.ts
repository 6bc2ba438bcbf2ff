/**
 * Gathers what comes one by one, and hands it over several at a time: as soon as there is enough of it, and at
 * each flush. For what is safe meanwhile, since nothing is handed over that was not gathered by this process.
 */
export class Gatherer<Item> {
  private gathered: Item[] = [];
  private handedOver: Promise<void> = Promise.resolve();
  private failure: { readonly error: unknown } | undefined;

  /** `handOver` is called with one group at a time, in the order in which they came. */
  constructor(
    private readonly enough: number,
    private readonly handOver: (items: readonly Item[]) => Promise<void>,
  ) {}

  add(item: Item): void {
    this.gathered.push(item);
    if (this.gathered.length >= this.enough) this.pass();
  }

  /**
   * Resolves once everything that was added is handed over.
   * @throws what the first handing over since the last flush failed with; its items are gathered no more
   */
  async flush(): Promise<void> {
    if (this.gathered.length > 0) this.pass();
    await this.handedOver;
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure.error;
  }

  private pass(): void {
    const items = this.gathered;
    this.gathered = [];
    this.handedOver = this.handedOver
      .then(() => this.handOver(items))
      .catch((error: unknown) => {
        this.failure ??= { error };
      });
  }
}
