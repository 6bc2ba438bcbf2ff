import { rm } from 'node:fs/promises';

/** Stops the throw-away server and removes its data. */
export default async function globalTeardown(): Promise<void> {
  const server = globalThis.reinstateTestServer;
  if (server === undefined) return;
  globalThis.reinstateTestServer = undefined;
  await server.stop('immediate');
  await rm(server.dataDirectory, { recursive: true, force: true });
}
