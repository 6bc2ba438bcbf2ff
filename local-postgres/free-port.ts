import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

export const loopback = '127.0.0.1';

/**
 * Below the range from which systems take the ports of outgoing connections (32768 on Linux), so that a
 * port that is remembered for the next start has not been lent to some connection meanwhile.
 */
const choice = { from: 15_433, below: 32_768 };

/** A loopback port that nothing listens on at this moment. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = randomInt(choice.from, choice.below);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no free port on ${loopback} between ${choice.from} and ${choice.below}`);
}

/** Whether a server could listen on this loopback port now. */
export async function isPortFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: loopback, port, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
