import { readFile } from 'node:fs/promises';
import { messageOf } from '../platform/errors.js';
import type { CommandContext } from './command.js';
import { usageFailure } from './failures.js';
import { textOf } from './options.js';

/** A secret from a file, without the line break at its end. */
export async function secretOf(file: string, option: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw usageFailure(`${option}: cannot read ${file} (${messageOf(error)})`);
  }
}

/** The credential to attach a shop: from a file or the environment, never from an argument. */
export async function attachUrlOf(context: CommandContext): Promise<string | undefined> {
  const file = textOf(context.options['attachUrlFile']);
  return file === undefined ? context.environment.attachUrl : secretOf(file, '--attach-url-file');
}
