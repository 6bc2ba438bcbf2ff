import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { exitCodes } from './failures.js';
import { nouns } from './nouns.js';

const text = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const commands = nouns.flatMap(({ name, commands: own }) =>
  own.map(({ usage }) => `${name} ${usage}`.trim()),
);

describe('docs/cli.md', () => {
  it('tells of every command, and of nothing else', () => {
    const told = [...text.matchAll(/^\| `([a-z][^`]*)` \| \S/gm)].map((match) => match[1]);
    expect(told.sort()).toEqual([...commands].sort());
  });

  it('tells of every way to end', () => {
    const told = [...text.matchAll(/^\| (\d+) \| \S/gm)].map((match) => Number(match[1]));
    expect(told).toEqual(Object.values(exitCodes));
  });
});
