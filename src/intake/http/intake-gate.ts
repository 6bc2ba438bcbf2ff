import { Injectable } from '@nestjs/common';
import { Fault } from '../../platform/errors.js';

/** Each holds a body of a few MiB and now and then a connection to the database, which others need too. */
export const requestsMax = 8;
const retryAfterSeconds = 1;

/** Lets only so many requests in at a time; the others are told to come again, and nothing of them is read. */
@Injectable()
export class IntakeGate {
  private inside = 0;

  /** @throws Fault `intake-busy` */
  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.inside >= requestsMax)
      throw new Fault(
        'limited',
        'intake-busy',
        `${requestsMax} requests with order events are being worked on; send this one again in a moment`,
        { data: { retryAfterSeconds } },
      );
    this.inside += 1;
    try {
      return await work();
    } finally {
      this.inside -= 1;
    }
  }

  inFlight(): number {
    return this.inside;
  }
}
