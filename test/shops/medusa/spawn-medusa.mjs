/** Runs the shop as a process of its own; this file loads nothing of Medusa. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const startFile = fileURLToPath(new URL('./start-medusa.mjs', import.meta.url));

async function firstLine(stream) {
  for await (const line of createInterface({ input: stream })) return line;
  return undefined;
}

/**
 * Starts the shop and resolves once it answers, with its address, its process id and `stop`.
 * The shop also ends by itself when this process does, since its standard input closes then.
 * @param {{ databaseUrl: string, port?: number, verbose?: boolean }} options
 */
export async function spawnMedusa({ databaseUrl, port = 0, verbose = false }) {
  // what Medusa and its libraries say of themselves: that sessions are kept in memory, that pg will change
  const args = ['--disable-warning=DeprecationWarning', startFile, '--port', String(port)];
  const child = spawn(process.execPath, [...args, ...(verbose ? ['--verbose'] : [])], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TZ: 'UTC', MEDUSA_DATABASE_URL: databaseUrl },
  });
  const exited = once(child, 'exit');
  const line = await firstLine(child.stdout);
  if (!line) throw new Error(`Medusa did not start: it ended with code ${(await exited)[0]}`);
  const stop = async () => {
    child.stdin.end();
    const [code] = await exited;
    if (code !== 0) throw new Error(`Medusa ended with code ${code}`);
  };
  return { ...JSON.parse(line), stop };
}
