/**
 * Gathers what comes one by one, and hands it over several at a time: as soon as there is enough of it, and at
 * each flush. Only for what can be found again without it: what is gathered is lost with the process.
 */
export class Gatherer<Item> {
  private gathered: Item[] = [];
  private handedOver: Promise<void> = Promise.resolve();
  private first: { readonly error: unknown } | undefined;

  /** `handOver` is called with one group at a time, in the order in which they came. */
  constructor(
    private readonly enough: number,
    private readonly handOver: (items: readonly Item[]) => Promise<void>,
  ) {}

  /** What the first handing over that failed did so with. Its items are gathered no more; later ones go on. */
  get failure(): { readonly error: unknown } | undefined {
    return this.first;
  }

  add(item: Item): void {
    this.gathered.push(item);
    if (this.gathered.length >= this.enough) this.pass();
  }

  /** Resolves once everything that was added is handed over, or has failed to be. */
  async flush(): Promise<void> {
    if (this.gathered.length > 0) this.pass();
    await this.handedOver;
  }

  private pass(): void {
    const items = this.gathered;
    this.gathered = [];
    this.handedOver = this.handedOver
      .then(() => this.handOver(items))
      .catch((error: unknown) => {
        this.first ??= { error };
      });
  }
}
