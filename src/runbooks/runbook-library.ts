import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Fault } from '../platform/errors.js';
import { runbookName } from './definition.js';
import { lintRunbook, type Linted } from './lint.js';
import { RunbooksSettings } from './runbooks.settings.js';

/** A runbook as its file is now. */
export interface Runbook extends Linted {
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the text, as hex */
  readonly textHash: string;
}

/** The runbooks' files, read anew each time: an edited one counts from the next run on. */
@Injectable()
export class RunbookLibrary {
  constructor(private readonly settings: RunbooksSettings) {}

  /** By name. */
  async list(): Promise<Runbook[]> {
    const files = await this.files();
    return Promise.all([...files.keys()].sort().map((name) => this.read(name, files)));
  }

  /** @throws Fault `runbook-unknown` */
  async get(name: string): Promise<Runbook> {
    const files = await this.files();
    // only a name that was found in a folder: a path never comes from a request
    if (!files.has(name))
      throw new Fault(
        'missing',
        'runbook-unknown',
        `there is no runbook "${name}"; there are: ${[...files.keys()].sort().join(', ')}`,
      );
    return this.read(name, files);
  }

  /** What a text says, and all that is wrong with it, as a runbook of this name. */
  lint(name: string, text: string): Linted {
    return lintRunbook(text, { name, allowedHosts: this.settings.allowedHosts });
  }

  private async read(name: string, files: ReadonlyMap<string, string>): Promise<Runbook> {
    const text = await readFile(files.get(name) ?? '', 'utf8');
    const textHash = createHash('sha256').update(text).digest('hex');
    return { name, text, textHash, ...this.lint(name, text) };
  }

  private async files(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const directory of this.settings.directories) {
      for (const file of await readdir(directory)) {
        const name = file.replace(/\.md$/, '');
        if (name !== file && runbookName.test(name)) found.set(name, join(directory, file));
      }
    }
    return found;
  }
}

/** @throws Fault `runbook-invalid` with every fault, by line */
export function assertRunnable(runbook: Runbook): void {
  const { name, faults, steps } = runbook;
  if (faults.length > 0)
    throw new Fault(
      'invalid',
      'runbook-invalid',
      `the runbook ${name} has ${faults.length} fault(s): ${faults.map(({ line, message }) => `line ${line}: ${message}`).join('; ')}`,
      {
        fields: faults.map(({ line, field, message }) => ({
          field: field === '' ? `line ${line}` : field,
          message: `line ${line}: ${message}`,
        })),
      },
    );
  if (steps.length === 0)
    throw new Fault(
      'invalid',
      'runbook-without-steps',
      `the runbook ${name} is for people alone: it has no steps to run`,
    );
}
