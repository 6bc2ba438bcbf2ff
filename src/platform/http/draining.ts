import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Fault } from '../errors.js';

const lookEveryMs = 20;

/** Lets requests that have begun come to their end before the service does. */
export class Draining {
  private readonly unanswered = new Set<ServerResponse>();
  private isClosing = false;

  /** Watches the requests of this service. Call it once, before other hooks. */
  watch(app: NestFastifyApplication): void {
    const server = app.getHttpAdapter().getInstance();
    server.addHook('onRequest', (_request, reply, done) => {
      if (this.isClosing) {
        void reply.header('connection', 'close');
        done(
          new Fault(
            'unavailable',
            'stopping',
            'the service is about to end; ask again in a moment',
          ),
        );
        return;
      }
      this.unanswered.add(reply.raw);
      reply.raw.once('close', () => this.unanswered.delete(reply.raw));
      done();
    });
  }

  /**
   * Refuses new requests from now on (readiness too, so that a balancer turns away) and waits for the
   * others, at most so long. An answer that has begun is not waited for: a stream has no end of its own,
   * and its reader asks again.
   */
  async drain(withinMs: number): Promise<void> {
    this.isClosing = true;
    const begunAt = performance.now();
    const isWaiting = () => [...this.unanswered].some((response) => !response.headersSent);
    while (isWaiting() && performance.now() - begunAt < withinMs) await sleep(lookEveryMs);
  }
}
