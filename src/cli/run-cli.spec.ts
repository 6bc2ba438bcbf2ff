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
  const code = await runCli(line === '' ? [] : line.split(' '), {
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

describe('whoever does not know the command line yet', () => {
  const names = nouns.map(({ name }) => name);
  const isCommand = (words: string) =>
    commands.some((command) => `${words} `.startsWith(`${command} `));

  it('is told of every noun, and led through a night step by step', async () => {
    const { code, out, err } = await reinstate('');
    const help = (await reinstate('--help')).out;

    expect([code, out]).toEqual([2, '']);
    expect(err).toBe(help);
    for (const { name, summary } of nouns)
      expect(help.replaceAll(/\s+/g, ' ')).toContain(`${name} ${summary}`);
    const steps = [...help.matchAll(/^ {2}\$ reinstate (.*?)(?: {2,}.*)?$/gm)].map(
      ([, words = '']) => words,
    );
    expect(steps.length).toBeGreaterThan(8);
    expect(steps.filter((words) => !isCommand(words))).toEqual([]);
    expect(help).toMatch(/looks wrong: reinstate shop stop/);
    expect(help.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });

  it.each(['nonsense', 'nonsense list', 'help nonsense'])(
    'hears what there is: %s',
    async (line) => {
      const { code, out, err } = await reinstate(line);

      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(/^reinstate: unknown command 'nonsense'$/m);
      expect(err).toContain(`It begins with one of: ${names.join(', ')}\n`);
    },
  );

  it('hears what was probably meant', async () => {
    expect((await reinstate('incidents list')).err).toContain('(Did you mean incident?)');
    expect((await reinstate('incident lst')).err).toContain('(Did you mean list?)');
  });

  it.each(['incident nonsense 1', 'help incident nonsense'])(
    'hears which verbs a noun has: %s',
    async (line) => {
      const { code, err } = await reinstate(line);

      expect(code).toBe(2);
      expect(err).toMatch(/^reinstate: unknown command 'nonsense'$/m);
      expect(err).toMatch(/^After incident comes one of: list, show, cases, .*declare$/m);
    },
  );

  it.each([
    ['incident show', "missing required argument 'incident'", 'incident show <incident>'],
    [
      'incident verdict 1 2 --reason x',
      "missing required argument 'verdict'",
      'incident verdict <incident> <order> <verdict> --reason <reason>',
    ],
    ['incident list --foo', "unknown option '--foo'", 'incident list'],
    [
      'shop stop main',
      "required option '--reason <reason>' not specified",
      'shop stop <shop> --reason <reason>',
    ],
    ['whoami you', 'too many arguments', 'whoami'],
  ])('hears how a command is written: %s', async (line, slip, written) => {
    const { code, out, err } = await reinstate(line);

    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`reinstate: ${slip}`);
    expect(err).toContain(`\nWrite it as: reinstate ${written}`);
    expect(err).toMatch(/^For example: reinstate \w+/m);
  });

  it.each(nouns.filter(({ commands: own }) => own.length > 1))(
    'is told of every verb of $name, in both ways, with examples',
    async ({ name, commands: own }) => {
      const { code, out } = await reinstate(`${name} --help`);

      expect([code, (await reinstate(`help ${name}`)).out]).toEqual([0, out]);
      for (const { usage } of own) expect(out).toContain(`\n  ${usage} `);
      expect(out).toMatch(new RegExp(`^ {2}\\$ reinstate ${name} \\w`, 'm'));
      expect(out).toMatch(
        new RegExp(`^Options and examples of each: reinstate ${name} .* --help$`, 'm'),
      );
    },
  );

  it('is told where a token comes from', async () => {
    let err = '';
    const code = await runCli(['whoami'], {
      environment: { url: undefined, token: undefined, attachUrl: undefined },
      version: '1.2.3',
      write: () => undefined,
      writeError: (text) => (err += text),
      signal: new AbortController().signal,
    });

    expect(code).toBe(2);
    expect(err).toMatch(/REINSTATE_TOKEN.*--token-file.*token issue.*first time/);
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
