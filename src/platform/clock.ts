/**
 * Where the service gets its time. Everything in src/ asks a Clock and passes `now` on, into SQL too,
 * so that a test can move time without patching PostgreSQL.
 */
export abstract class Clock {
  /** The present moment, UTC. */
  abstract now(): Date;
}

/** The machine's clock. */
export class SystemClock extends Clock {
  override now(): Date {
    return new Date();
  }
}

/** A clock that stands still until it is moved; for tests and simulations. */
export class ManualClock extends Clock {
  constructor(private current: Date) {
    super();
  }

  override now(): Date {
    return new Date(this.current);
  }

  advance(milliseconds: number): void {
    this.current = new Date(this.current.getTime() + milliseconds);
  }

  set(moment: Date): void {
    this.current = new Date(moment);
  }
}
