/**
 * Has what is done under one name done one after the other, in the order in which it came. The database's lock sees to
 * that between processes; here whoever waits holds neither a connection nor a transaction meanwhile.
 */
export class Turns {
  private readonly last = new Map<string, Promise<void>>();

  /** Does the work once all that came before it under this name has ended, well or not. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.last.get(name) ?? Promise.resolve()).then(work);
    const ended = mine.then(nothing, nothing);
    this.last.set(name, ended);
    await ended;
    // a name that nobody waits under is forgotten
    if (this.last.get(name) === ended) this.last.delete(name);
    return mine;
  }
}

function nothing(): void {
  // whoever took the turn is told how it ended
}
