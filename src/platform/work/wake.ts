import { EventEmitter } from 'node:events';

/**
 * Wakes background steps of this process early. It carries no duty: a lost wake only means that the
 * step waits for its next tick, since what there is to do stands in the database.
 */
export class Wake {
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  /** Says that there may be work for the step of this name. */
  notify(step: string): void {
    this.emitter.emit(step);
  }

  /** Calls `listener` at each wake; gives the function that ends this. */
  listen(step: string, listener: () => void): () => void {
    this.emitter.on(step, listener);
    return () => void this.emitter.off(step, listener);
  }
}
