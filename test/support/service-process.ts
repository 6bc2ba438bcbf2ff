import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/platform/package-root.js';

/** The service in a process of its own, as `npm start` runs it; it can be killed as an accident kills it. */
export interface ServiceProcess {
  readonly pid: number;
  /** where it listens */
  readonly url: string;
  /** kill -9: nothing of it runs any further, not even its last words */
  kill(): Promise<void>;
}

/** Starts the service from its sources; resolves once it listens. `config` is the configuration file, as JSON. */
export async function startServiceProcess(given: {
  directory: string;
  config: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
}): Promise<ServiceProcess> {
  const { directory, config, environment } = given;
  const file = join(directory, 'reinstate.yaml');
  // JSON is YAML
  await writeFile(file, JSON.stringify(config));
  const root = packageRoot();
  const loader = join(root, 'test/e2e/run-typescript.mjs');
  const child = spawn(process.execPath, ['--import', loader, join(root, 'src/main.ts')], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      REINSTATE_CONFIG: file,
      REINSTATE_LOG_LEVEL: 'error',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  let url: string;
  try {
    url = await listens(child);
  } catch (error) {
    await kill();
    throw error;
  }
  return { pid: child.pid ?? 0, url, kill };
}

/** Gives where it listens. */
async function listens(child: ChildProcess): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const [, url] = /Reinstate listens on (\S+) /.exec(said) ?? [];
      if (url !== undefined) resolve(url);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', () => reject(new Error(`the service ended:\n${said}`)));
  });
}
