/**
 * Finds where the messages of PostgreSQL's protocol end in what goes one way over one connection without TLS.
 * Each has a letter and a length; only the client's first one has no letter.
 *
 * Format: https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export class MessageCounter {
  private head = Buffer.alloc(0);
  /** bytes of the present message that have still to come; undefined where its length is not known yet */
  private left: number | undefined;
  private isFirst: boolean;

  constructor(by: 'client' | 'server') {
    this.isFirst = by === 'client';
  }

  /** Offsets right behind each message that ends in these bytes, which follow on those given before. */
  endsIn(data: Buffer): number[] {
    const ends: number[] = [];
    let at = 0;
    while (at < data.length) {
      if (this.left === undefined) at += this.readHead(data.subarray(at));
      const part = Math.min(this.left ?? 0, data.length - at);
      at += part;
      if (this.left === undefined) continue;
      this.left -= part;
      if (this.left > 0) continue;
      this.left = undefined;
      ends.push(at);
    }
    return ends;
  }

  /** Takes what the head still lacks; gives how many bytes that were. */
  private readHead(data: Buffer): number {
    const size = this.isFirst ? 4 : 5;
    const taken = Math.min(size - this.head.length, data.length);
    this.head = Buffer.concat([this.head, data.subarray(0, taken)]);
    if (this.head.length < size) return taken;
    // the length counts itself, but not the letter
    this.left = this.head.readInt32BE(size - 4) - 4;
    this.head = Buffer.alloc(0);
    this.isFirst = false;
    return taken;
  }
}
