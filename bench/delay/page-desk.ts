import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Endings } from '../setting/endings.js';

/** A page that came: when, and of which incident where it says so. */
export interface Arrival {
  readonly from: string;
  /** milliseconds since 1970, with a fraction */
  readonly at: number;
  readonly incidentId: string | null;
}

/** Takes pages over HTTP on loopback, of the product and of the bare client alike, and notes when they came. */
export class PageDesk {
  readonly secret = randomBytes(24).toString('base64url');
  private readonly arrivals: Arrival[] = [];
  private waiting: (() => void)[] = [];

  private constructor(private readonly server: Server) {}

  static async open(endings: Endings): Promise<PageDesk> {
    const server = createServer();
    const desk = new PageDesk(server);
    server.on('request', (request, response) => {
      const at = performance.timeOrigin + performance.now();
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as { incidentId?: string };
        const from = (request.url ?? '').slice(1);
        desk.take({ from, at, incidentId: body.incidentId ?? null });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endings.add(() => desk.close());
    return desk;
  }

  url(from: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${from}`;
  }

  /** The first page of that sender since the desk was cleared; waited for. */
  async first(from: string, patienceMs: number): Promise<Arrival> {
    const timeout = AbortSignal.timeout(patienceMs);
    for (;;) {
      const arrival = this.arrivals.find((one) => one.from === from);
      if (arrival !== undefined) return arrival;
      if (timeout.aborted) throw new Error(`no page of ${from} came in ${patienceMs / 1000} s`);
      await Promise.race([this.next(), once(timeout, 'abort')]);
    }
  }

  clear(): void {
    this.arrivals.length = 0;
  }

  private async next(): Promise<void> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private take(arrival: Arrival): void {
    this.arrivals.push(arrival);
    for (const wake of this.waiting.splice(0)) wake();
  }

  private async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
