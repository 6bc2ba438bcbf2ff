import { rm } from 'node:fs/promises';

/** Stops the throw-away servers and removes their data. */
export default async function globalTeardown(): Promise<void> {
  const servers = globalThis.reinstateTestServers ?? [];
  globalThis.reinstateTestServers = undefined;
  for (const server of servers) {
    await server.stop('immediate');
    await rm(server.dataDirectory, { recursive: true, force: true });
  }
}
