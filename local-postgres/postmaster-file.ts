import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unless } from './failure.js';

export const postmasterFileName = 'postmaster.pid';

/** What a running server writes about itself into its data directory. */
export interface PostmasterFile {
  readonly pid: number;
  /** Unix seconds */
  readonly startedAt: number;
  readonly port: number;
  /** `starting`, `ready`, `standby`, `stopping`, or empty while it is being written */
  readonly status: string;
}

/** Reads the file's lines (PostgreSQL's miscadmin.h names them); undefined when there is no pid in it. */
export function parsePostmasterFile(text: string): PostmasterFile | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number.parseInt(lines[0] ?? '', 10);
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return {
    pid,
    startedAt: Number.parseInt(lines[2] ?? '', 10) || 0,
    port: Number.parseInt(lines[3] ?? '', 10) || 0,
    status: lines[7] ?? '',
  };
}

export async function readPostmasterFile(directory: string): Promise<PostmasterFile | undefined> {
  const text = await unless(readFile(join(directory, postmasterFileName), 'utf8'), ['ENOENT'], '');
  return parsePostmasterFile(text);
}
