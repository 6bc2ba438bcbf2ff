import { readFile, readlink, realpath } from 'node:fs/promises';
import { uptime } from 'node:os';
import { runCommand } from './command.js';

/** Linux counts process times in ticks of a hundredth of a second on every platform we run on. */
const ticksPerSecond = 100;

/** Whether a process with this number lives; one that died and was not yet collected does not. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await startMark(pid)) !== undefined;
}

/**
 * Tells a process from a later one with the same number: when it started, as its system counts it.
 * Undefined when no such process lives.
 */
export async function startMark(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    const { code, output } = await ps(pid, 'lstart=');
    return code === 0 ? output.trim() : undefined;
  }
  const stat = await linuxStat(pid);
  return stat && !['Z', 'X'].includes(stat.state) ? String(stat.startTicks) : undefined;
}

/** Whether the process is a PostgreSQL server (or one of its workers) on this data directory. */
export async function servesDirectory(pid: number, directory: string): Promise<boolean> {
  if (!(await isAlive(pid))) return false;
  if (process.platform === 'linux') {
    try {
      // the server works inside its data directory
      return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(directory));
    } catch {
      // another user's process, or a container without the right to look: go by the name
      return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'postgres';
    }
  }
  return (await ps(pid, 'comm=')).output.includes('postgres');
}

/**
 * When the world of process numbers began that we see: the machine's or the container's first process.
 * A number that was noted earlier says nothing about a process of today. Unix seconds.
 */
export async function processNumbersBegan(): Promise<number> {
  const machineStarted = Date.now() / 1000 - uptime();
  const first = process.platform === 'linux' ? await linuxStat(1) : undefined;
  return machineStarted + (first?.startTicks ?? 0) / ticksPerSecond;
}

async function linuxStat(pid: number): Promise<{ state: string; startTicks: number } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // the second field is a name in brackets that may itself hold blanks and brackets; state is the third
  // field and the start time the twenty-second (proc_pid_stat(5))
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTicks: Number(fields[19]) };
}

async function ps(
  pid: number,
  column: string,
): Promise<{ code: number | undefined; output: string }> {
  return await runCommand('ps', ['-o', column, '-p', String(pid)], { user: undefined });
}
