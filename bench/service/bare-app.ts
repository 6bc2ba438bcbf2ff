import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Endings } from '../setting/endings.js';

export interface BareApp {
  readonly url: string;
  readonly pid: number;
  end(): Promise<void>;
}

/** Starts the bare Nest app in a process of its own; resolves once it listens. */
export async function startBareApp(endings: Endings): Promise<BareApp> {
  const script = fileURLToPath(new URL('./bare-nest.js', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const end = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  endings.add(end);
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^listens on (\S+)/.exec(line)?.[1];
    if (url !== undefined) return { url, pid: child.pid ?? 0, end };
  }
  throw new Error('the bare app ended before it listened');
}
