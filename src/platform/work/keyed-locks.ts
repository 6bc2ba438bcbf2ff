/** Lets one piece of work at a time through per key, within this process, in the order in which they come. */
export class KeyedLocks {
  private readonly tails = new Map<string, Promise<void>>();

  /** Runs `work` when nothing else holds any of the keys. Keys are taken in one order, so nobody waits in a circle. */
  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const [first, ...rest] = [...new Set(keys)].sort();
    if (first === undefined) return work();
    const before = this.tails.get(first) ?? Promise.resolve();
    let release = (): void => undefined;
    const done = new Promise<void>((resolve) => (release = resolve));
    const tail = before.then(() => done);
    this.tails.set(first, tail);
    await before;
    try {
      return await this.run(rest, work);
    } finally {
      release();
      if (this.tails.get(first) === tail) this.tails.delete(first);
    }
  }

  /** Keys that are held or waited for. */
  get size(): number {
    return this.tails.size;
  }
}
