import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { nouns } from './nouns.js';
import { runCli } from './run-cli.js';

const token = 'rst_test';
const commands = nouns.flatMap(({ name, commands: own }) =>
  own.map(({ usage }) => `${name} ${usage.split(' ')[0] ?? ''}`.trim()),
);

async function reinstate(line: string, world: { url?: string; isWatched?: boolean } = {}) {
  let out = '';
  let err = '';
  const code = await runCli(line.split(' '), {
    environment: { url: world.url, token, attachUrl: undefined },
    version: '1.2.3',
    write: (text) => (out += text),
    writeError: (text) => (err += text),
    isWatched: world.isWatched ?? false,
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

describe('the help of every command', () => {
  it.each(commands)('%s: goes to stdout, in plain text, with an example', async (command) => {
    const { code, out, err } = await reinstate(`${command} --help`);

    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^Examples:\n {2}\\$ reinstate ${command}\\b`, 'm'));
    expect(out).toContain('--json');
    expect(out).not.toContain('\u001b');
  });
});

describe('a service that takes its time', () => {
  let slow: Server;
  let url: string;

  beforeAll(async () => {
    slow = createServer((_request, response) => {
      setTimeout(() => response.end('{"personName":"Vera"}'), 2_500);
    });
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
  });
  afterAll(() => void slow.close());

  it('is said to be waited for where a person looks, and not to programs', async () => {
    const [watched, unwatched] = await Promise.all([
      reinstate('whoami', { url, isWatched: true }),
      reinstate('whoami', { url }),
    ]);

    expect([watched.code, watched.err]).toEqual([
      0,
      `reinstate: waiting for ${url}, 30 s at most ...\n`,
    ]);
    expect([unwatched.code, unwatched.err]).toEqual([0, '']);
    expect(watched.out).toBe(unwatched.out);
  });
});
