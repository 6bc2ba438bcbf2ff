import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { packageRoot } from '../../src/platform/package-root.js';

const root = packageRoot();

async function documents(): Promise<string[]> {
  const inDocs = await readdir(join(root, 'docs'), { recursive: true });
  return [
    'README.md',
    ...inDocs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ];
}

/** Relative links, and paths in backticks that begin with a folder of the project. */
function pathsIn(text: string): { links: string[]; named: string[] } {
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path ?? '');
  const folders = 'src|docs|demo|test|profiles|runbooks|deploy|local-postgres|bench|bin';
  const named = [...text.matchAll(new RegExp(`\`((?:${folders})/[A-Za-z0-9_./-]+)\``, 'g'))].map(
    ([, path]) => path ?? '',
  );
  return { links, named };
}

describe('documents', () => {
  it('name only files that exist', async () => {
    const missing: string[] = [];
    for (const document of await documents()) {
      const { links, named } = pathsIn(await readFile(join(root, document), 'utf8'));
      const targets = [
        ...links.map((path) => join(root, dirname(document), path)),
        ...named.map((path) => join(root, path)),
      ];
      missing.push(
        ...targets.filter((path) => !existsSync(path)).map((path) => `${document}: ${path}`),
      );
    }
    expect(missing).toEqual([]);
  });
});
