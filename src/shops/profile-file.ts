import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { assert } from '../platform/assert.js';
import { canonicalHash } from '../platform/canonical-json.js';
import { Fault, messageOf, type FieldFault } from '../platform/errors.js';
import { completenessFaults } from './profile-completeness.js';
import type { ProfileFault } from './profile-fault-list.js';
import { profileFaults } from './profile-faults.js';
import { profileSchema, type Profile } from './profile.js';

export interface LoadedProfile {
  readonly profile: Profile;
  /** SHA-256 of the canonical form: changes with the meaning, not with the layout of the file */
  readonly profileHash: string;
  readonly file: string;
}

/**
 * Reads a profile that ships with Reinstate, by its name (`vendure`), or a file, by its path (anything
 * with a slash or ending in .yaml or .yml), relative to `directory`.
 * @throws Fault `profile-missing`, or `profile-invalid` with all that is wrong at once
 */
export async function loadProfile(
  nameOrPath: string,
  { directory }: { directory: string },
): Promise<LoadedProfile> {
  const file = profilePath(nameOrPath, directory);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Fault(
      'invalid',
      'profile-missing',
      `cannot read the shop profile ${nameOrPath} (${file}): ${messageOf(error)}`,
    );
  });
  const profile = parseProfile(text, file);
  return { profile, profileHash: profileHash(profile), file };
}

/**
 * Parses and checks a profile's text. Nothing of the shop is looked at; see the adapter's `check`.
 * @throws Fault `profile-invalid` whose fields name every fault with line and column
 */
export function parseProfile(text: string, fileName: string): Profile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const syntax = document.errors.map((error) => ({ path: [], message: messageOf(error) }));
  if (syntax.length > 0) throw invalid(fileName, placed(syntax, document, lines));
  const parsed = profileSchema.safeParse(document.toJS());
  const faults = parsed.success
    ? [...profileFaults(parsed.data), ...completenessFaults(parsed.data)]
    : schemaFaults(parsed.error);
  if (faults.length > 0) throw invalid(fileName, placed(faults, document, lines));
  assert(parsed.success, 'a profile without faults was parsed');
  return parsed.data;
}

/** SHA-256 of the profile's canonical JSON, as hex. */
export function profileHash(profile: Profile): string {
  return canonicalHash(profile);
}

function schemaFaults(error: z.ZodError): ProfileFault[] {
  return error.issues.map((issue) => ({
    path: issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part)),
    message: issue.message,
  }));
}

function placed(
  faults: readonly ProfileFault[],
  document: Document,
  lines: LineCounter,
): FieldFault[] {
  return faults.map(({ path, message }) => {
    const { line, col } = lines.linePos(offsetOf(document, path));
    return { field: pathText(path), message: `line ${line}, column ${col}: ${message}` };
  });
}

/** Where the named part begins; where it is missing, the part that should hold it. */
function offsetOf(document: Document, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range = (node as { range?: readonly number[] } | undefined)?.range;
    if (range?.[0] !== undefined) return range[0];
  }
  return 0;
}

/** `tables["shop.orders"].columns.note`; also how the live check names places. */
export function pathText(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^\w+$/.test(part)) return `["${part}"]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}

function invalid(fileName: string, fields: readonly FieldFault[]): Fault {
  const listed = fields.map(
    ({ field, message }) => `  ${field === '' ? 'the file' : field}: ${message}`,
  );
  return new Fault(
    'invalid',
    'profile-invalid',
    `the shop profile ${fileName} has ${fields.length} fault${fields.length === 1 ? '' : 's'}:\n${listed.join('\n')}`,
    { fields },
  );
}

function profilePath(nameOrPath: string, directory: string): string {
  const isName = /^[a-z0-9-]+$/.test(nameOrPath);
  if (isName) return join(shippedProfiles(), `${nameOrPath}.yaml`);
  return isAbsolute(nameOrPath) ? nameOrPath : resolve(directory, nameOrPath);
}

/** The package's own `profiles` folder: beside `package.json`, above this file, compiled or not. */
function shippedProfiles(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const above = dirname(directory);
    assert(above !== directory, 'the profiles that ship stand beside package.json');
    directory = above;
  }
  return join(directory, 'profiles');
}
