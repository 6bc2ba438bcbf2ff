/**
 * Does one piece of work after the other, while whoever brings them prepares the next one: at most one is under way.
 * After one has failed none is begun any more.
 */
export class InTurn<Piece> {
  private underWay: Promise<void> = Promise.resolve();

  constructor(private readonly work: (piece: Piece) => Promise<void>) {}

  /** Waits for the piece before, and begins this one. Throws what that one threw. */
  async next(piece: Piece): Promise<void> {
    await this.underWay;
    this.underWay = this.work(piece);
    // whoever asks next is told of it
    this.underWay.catch(() => undefined);
  }

  /** Resolves once the last piece is done; throws what it threw. */
  async done(): Promise<void> {
    await this.underWay;
  }

  /** Resolves once nothing is under way, however it ended. */
  async settled(): Promise<void> {
    await this.underWay.catch(() => undefined);
  }
}
