import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { packageRoot } from '../../src/platform/package-root.js';

const root = packageRoot();

/** Documents of which each line of each table says how it is shown. */
const held = ['docs/for-your-dba.md', 'docs/operations.md'].filter((path) =>
  existsSync(join(root, path)),
);

/** Tests by the name of their file. */
async function specs(): Promise<Map<string, string>> {
  const folders = ['src', 'local-postgres', 'test/unit', 'test/medium', 'test/e2e'];
  const found = new Map<string, string>();
  for (const folder of folders)
    for (const path of await readdir(join(root, folder), { recursive: true }))
      if (path.endsWith('.spec.ts'))
        found.set(basename(path, '.spec.ts'), await readFile(join(root, folder, path), 'utf8'));
  return found;
}

/** Lines of tables, without their heads. */
function rowsOf(text: string): string[] {
  const lines = text.split('\n');
  return lines.filter(
    (line, index) =>
      line.startsWith('|') &&
      !/^\|[\s|:-]+$/.test(line) &&
      !/^\|[\s|:-]+$/.test(lines[index + 1] ?? ''),
  );
}

/** `file`: "part of a title", "part of another" */
const reference = /`([\w-]+)`: ((?:"[^"]+"(?:, )?)+)/g;
const otherWays = [
  /`[\w./-]+` \((?:unit|medium|e2e)\)/,
  /`(?:npm|npx|bash) [^`]+`/,
  /`(?:bench|test)\/[\w./-]+`/,
  /\bnot tested\b/,
];

describe('documents for those who run it', () => {
  it('say of each line how it is shown, or that it is not', async () => {
    const silent: string[] = [];
    for (const path of held) {
      const rows = rowsOf(await readFile(join(root, path), 'utf8'));
      expect(rows.length).toBeGreaterThan(10);
      silent.push(
        ...rows.filter(
          (row) => row.match(reference) === null && !otherWays.some((way) => way.test(row)),
        ),
      );
    }
    expect(silent).toEqual([]);
  });

  it('name tests that there are, by their titles', async () => {
    const known = await specs();
    const missing: string[] = [];
    for (const path of held)
      for (const [, file = '', titles = ''] of (await readFile(join(root, path), 'utf8')).matchAll(
        reference,
      ))
        for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g))
          if (known.get(file)?.includes(title) !== true)
            missing.push(`${path}: ${file}: "${title}"`);
    expect(missing).toEqual([]);
  });
});
