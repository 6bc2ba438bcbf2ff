import { createHash } from 'node:crypto';

/**
 * What happened in one seed, line by line. It names things by what people call them (order, plan number),
 * never by ids, which differ from run to run: the same seed gives the same lines.
 */
export class Trace {
  readonly lines: string[] = [];

  say(line: string): void {
    this.lines.push(line);
  }

  /** Two runs with the same hash went the same way. */
  get hash(): string {
    return createHash('sha256').update(this.lines.join('\n')).digest('hex').slice(0, 16);
  }
}
