import type { DestinationStream } from 'pino';

/** Keeps what a service logs; every line must be one JSON object, or reading it fails. */
export class LogLines implements DestinationStream {
  /** as it was written */
  raw = '';

  write(chunk: string): void {
    this.raw += chunk;
  }

  get all(): Record<string, unknown>[] {
    return this.raw
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  of(event: string): Record<string, unknown>[] {
    return this.all.filter((line) => line['event'] === event);
  }
}
