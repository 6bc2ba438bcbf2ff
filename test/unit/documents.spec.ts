import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { nouns } from '../../src/cli/nouns.js';
import { packageRoot } from '../../src/platform/package-root.js';

const root = packageRoot();
const textOf = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

async function documents(): Promise<string[]> {
  const inFolder = async (folder: string) =>
    (await readdir(join(root, folder), { recursive: true }))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`);
  return [
    'README.md',
    'CHANGELOG.md',
    ...(await inFolder('docs')),
    ...(await inFolder('runbooks')),
  ];
}

async function specFiles(): Promise<string[]> {
  const folders = ['src', 'demo', 'local-postgres', 'test/unit', 'test/medium', 'test/e2e'];
  const found = folders.map(async (folder) =>
    (await readdir(join(root, folder), { recursive: true })).map((name) => `${folder}/${name}`),
  );
  return (await Promise.all(found)).flat().filter((path) => path.endsWith('.spec.ts'));
}

/** What is wrong, by document: one list for all, so that one run tells everything. */
async function faultsIn(
  faultsOf: (text: string, document: string) => readonly string[],
): Promise<string[]> {
  const faults: string[] = [];
  for (const document of await documents()) {
    const found = faultsOf(await textOf(document), document);
    faults.push(...found.map((fault) => `${document}: ${fault}`));
  }
  return faults;
}

/** Relative links, and whatever looks like a path below a folder of the project, in words or commands. */
function pathsIn(text: string): { links: string[]; named: string[] } {
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path ?? '');
  const folders =
    'src|docs|demo|test|profiles|runbooks|deploy|local-postgres|bench|bin|alerts|dashboards|\\.ci';
  const pattern = new RegExp(`(?<![\\w./@-])(?:${folders})/[A-Za-z0-9_./-]*`, 'g');
  const named = [...text.matchAll(pattern)].map(([path]) => path.replace(/[.,]+$/, ''));
  return { links, named };
}

/** The commands that start with these words, to the end of their line or quotation. */
function commandsIn(text: string, start: string): string[] {
  const pattern = new RegExp(`(?<![\\w-])${start} +([^\`\\n#|&>]+)`, 'g');
  return [...text.matchAll(pattern)].map(([, rest]) => (rest ?? '').trim());
}

const verbs = nouns.flatMap(({ name, commands }) =>
  commands.map(({ usage }) => `${name} ${usage.split(' ')[0] ?? ''}`.trim()),
);

function isCommand(words: string): boolean {
  if (/^(--|<|\.\.\.|help)/.test(words)) return true;
  return verbs.some((verb) => `${words} `.startsWith(`${verb} `));
}

describe('documents', () => {
  it('name only files that exist', async () => {
    const missing = await faultsIn((text, document) => {
      const { links, named } = pathsIn(text);
      const targets = [
        ...links.map((path) => join(root, dirname(document), path)),
        ...named.map((path) => join(root, path)),
      ];
      return targets.filter((path) => !existsSync(path));
    });
    expect(missing).toEqual([]);
  });

  it('name only scripts that package.json has', async () => {
    const { scripts } = JSON.parse(await textOf('package.json')) as { scripts: object };
    const unknown = await faultsIn((text) =>
      commandsIn(text, 'npm run')
        .map((words) => words.split(' ')[0] ?? '')
        .filter((name) => !(name in scripts)),
    );
    expect(unknown).toEqual([]);
  });

  it('name only commands that the command line has', async () => {
    const unknown = await faultsIn((text) =>
      [...commandsIn(text, 'npx reinstate'), ...commandsIn(text, '`reinstate')].filter(
        (words) => !isCommand(words),
      ),
    );
    expect(unknown).toEqual([]);
  });

  it('name only tests that exist: `NAME` (medium)', async () => {
    const specs = await specFiles();
    const folderOf = { unit: /./, medium: /^test\/medium\//, e2e: /^test\/e2e\// };
    const missing = await faultsIn((text) =>
      [...text.matchAll(/`([\w./-]+)` \((unit|medium|e2e)\)/g)]
        .filter(([, name = '', project]) => {
          const place = folderOf[project as keyof typeof folderOf];
          return !specs.some((path) => place.test(path) && path.includes(name));
        })
        .map(([whole]) => whole),
    );
    expect(missing).toEqual([]);
  });
});
