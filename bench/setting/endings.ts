type Ending = () => Promise<unknown>;

/**
 * What has to be ended once a bench is over, last things first; one that fails keeps no other from its end.
 * What is added after that, by work that was broken off, is ended at once.
 */
export class Endings {
  private readonly endings: Ending[] = [];
  private isOver = false;

  add(ending: Ending): void {
    if (this.isOver) ending().catch(() => undefined);
    else this.endings.push(ending);
  }

  async run(): Promise<void> {
    this.isOver = true;
    const failed: unknown[] = [];
    for (const ending of this.endings.splice(0).reverse())
      await ending().catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw new AggregateError(failed, failed.map(String).join('; '));
  }
}
