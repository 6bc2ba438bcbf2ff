import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from '../../src/cli/command.js';
import { nouns } from '../../src/cli/nouns.js';
import { runCli } from '../../src/cli/run-cli.js';
import type { ManualClock } from '../../src/platform/clock.js';
import { hasField, routesOf, type OpenApiDocument, type Route } from '../support/openapi-check.js';
import { startTestService, type TestService } from '../support/service.js';

let service: TestService<ManualClock>;
let directory: string;
beforeAll(async () => {
  service = await startTestService();
  directory = await mkdtemp(join(tmpdir(), 'reinstate-cli-'));
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface World {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal;
}

/** Runs a command line as the admin of the test service, unless told otherwise. */
async function reinstate(line: string | readonly string[], world: World = {}): Promise<Ended> {
  let out = '';
  let err = '';
  const args = typeof line === 'string' ? line.split(' ') : line;
  const environment = { url: service.url, token: service.adminToken, attachUrl: undefined };
  const code = await runCli(args, {
    environment: { ...environment, ...world },
    version: '1.2.3',
    write: (text) => (out += text),
    writeError: (text) => (err += text),
    signal: world.signal ?? new AbortController().signal,
  });
  return { code, out, err };
}

const everyCommand = nouns.flatMap((noun) =>
  noun.commands.map((command): [string, Command] => [
    `${noun.name} ${command.usage}`.trim(),
    command,
  ]),
);

describe('every command', () => {
  let routes: Map<string, Route>;
  const shapeOf = (path: string) => path.replaceAll(/\{\w+\}/g, '{}');
  beforeAll(async () => {
    const document = (await service.admin.get('/api/openapi.json')).body;
    routes = new Map(
      routesOf(document as unknown as OpenApiDocument).map((route) => [
        `${route.method} ${shapeOf(route.path)}`,
        route,
      ]),
    );
  });

  it.each(everyCommand)(
    '%s asks for what the API has, and shows what it answers',
    (_name, command) => {
      expect(command.requests.length).toBeGreaterThan(0);
      for (const { request, columns } of command.requests) {
        const key = `${request.method.toLowerCase()} /api/v1${shapeOf(request.path)}`;
        const operation = routes.get(key)?.operation;
        expect([key, operation !== undefined]).toEqual([key, true]);
        const queries = (operation?.parameters ?? [])
          .filter((parameter) => parameter.in === 'query')
          .map(({ name }) => name);
        expect(queries).toEqual(expect.arrayContaining([...(request.query ?? [])]));
        const taken = operation?.requestBody?.content['application/json']?.schema;
        for (const name of request.body ?? [])
          expect([name, hasField(taken, name)]).toEqual([name, true]);
        const answers = ['200', '201', '202'].map(
          (status) => operation?.responses?.[status]?.content?.['application/json']?.schema,
        );
        const answered = answers.find((schema) => schema !== undefined);
        for (const field of columns.flatMap(({ fields }) => fields)) {
          expect([field, hasField(answered, field)]).toEqual([field, true]);
        }
      }
    },
  );

  it.each(everyCommand)('%s has help with examples, and needs nothing for it', async (name) => {
    const words = name.split(' ').filter((word) => !/^[<[]/.test(word));
    const { code, out, err } = await reinstate([...words, '--help'], { token: undefined });
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('Usage: reinstate');
    expect(out).toContain('--json');
    const examples = out.split('Examples:')[1] ?? '';
    expect(examples).toContain(`$ reinstate ${words.join(' ')}`);
  });
});

describe('an answer', () => {
  it('is a record in plain words', async () => {
    const { code, out, err } = await reinstate('whoami');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^name {4}admin\nkind {4}person\nrole {4}admin\nperson {2}[0-9a-f-]{36}\n/);
  });

  it('is what the API said with --json, wherever that stands', async () => {
    const api = (await service.admin.get('/api/v1/persons/me')).body;
    for (const line of ['whoami --json', '--json whoami']) {
      expect(JSON.parse((await reinstate(line)).out)).toEqual(api);
    }
  });

  it('is an aligned table', async () => {
    await reinstate(['person', 'add', 'Ольга', '--email', 'olga@example.org']);
    await reinstate(['person', 'add', '倉庫ロボット', '--kind', 'service']);
    const { out } = await reinstate('person list');
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^NAME {10}KIND {5}E-MAIL/);
    const column = lines[0]?.indexOf('KIND') ?? 0;
    const olga = lines.find((line) => line.startsWith('Ольга'));
    expect(olga?.slice(column)).toMatch(/^person {3}olga@example\.org/);
    // six characters of two columns each
    const robot = lines.find((line) => line.startsWith('倉庫ロボット'));
    expect(robot?.slice(column - 6)).toMatch(/^service {2}- /);
  });

  it('cannot steer the terminal of who reads it', async () => {
    // the API refuses such a name; what came another way must not steer either
    await service.database.database.query(
      `INSERT INTO person (id, name, kind, created_at) VALUES (gen_random_uuid(), $1, 'person', '2026-11-22')`,
      ['evil\u001b[2J\u202e\nname'],
    );
    await service.admin.post('/api/v1/persons', { name: 'after evil' });
    const { out } = await reinstate('person list');
    expect(out).toContain('evil\u{fffd}[2J\u{fffd} name');
    expect(out).not.toContain('\u001b');
    expect(JSON.parse((await reinstate('person list --json')).out)).toBeTruthy();
  });

  it('comes page by page, or whole with --all', async () => {
    const first = await reinstate('audit list --limit 2');
    expect(first.out.split('\n').slice(0, 4)).toHaveLength(4);
    const cursor = /--cursor (\S+)/.exec(first.out)?.[1] ?? '';
    const second = await reinstate(`audit list --limit 2 --cursor ${cursor}`);
    expect(second.out).not.toBe(first.out);
    const whole = JSON.parse((await reinstate('audit list --limit 2 --all --json')).out) as {
      items: unknown[];
      nextCursor: unknown;
    };
    const all = (await service.admin.get('/api/v1/audit?limit=500')).body['items'] as unknown[];
    expect(whole).toEqual({ items: all, nextCursor: null });
    expect(all.length).toBeGreaterThan(4);
  });

  it('of an empty list says so', async () => {
    expect((await reinstate('incident list')).out).toBe('No incidents.\n');
  });
});

describe('what people do with it', () => {
  it('gives somebody a token by name, of which only the secret goes to stdout', async () => {
    await reinstate(['person', 'add', 'Vera Novak']);
    const issued = await reinstate([
      ...['token', 'issue', 'Vera Novak', '--role', 'viewer', '--label', 'laptop'],
    ]);
    expect(issued.out).toMatch(/^rst_[A-Za-z0-9_-]{43}\n$/);
    const token = issued.out.trim();
    expect((await reinstate('whoami', { token })).out).toContain('Vera Novak');

    const file = join(directory, 'token');
    await writeFile(file, `${token}\n`);
    const fromFile = await reinstate(`whoami --json --token-file ${file}`, { token: undefined });
    const { tokenId } = JSON.parse(fromFile.out) as { tokenId: string };
    expect((await reinstate(['token', 'revoke', 'Vera Novak', tokenId])).code).toBe(0);
    const after = await reinstate('whoami', { token });
    expect([after.code, after.out]).toEqual([1, '']);
    expect(after.err).toContain('[token-refused]');
  });

  it('does the same command under the same key once', async () => {
    const line = ['person', 'add', 'Only once', '--idempotency-key', 'k1', '--json'];
    const first = await reinstate(line);
    const second = await reinstate(line);
    expect(JSON.parse(second.out)).toEqual(JSON.parse(first.out));
    const other = await reinstate(['person', 'add', 'Other', '--idempotency-key', 'k1']);
    expect([other.code, other.err]).toEqual([
      1,
      expect.stringContaining('[idempotency-key-reused]'),
    ]);
  });

  it('tells of a change, as somebody at the keyboard writes it', async () => {
    const added = await reinstate([
      ...[
        'change',
        'add',
        'checkout 8.4.1',
        '--kind',
        'deploy',
        '--link',
        'https://ci.example.org/7',
      ],
      ...['--at', '2026-11-22T02:55:00+03:00'],
    ]);
    expect(added.out).toBe('Noted: checkout 8.4.1 at 2026-11-21 23:55:00Z\n');
    const { out } = await reinstate('change list');
    expect(out).toMatch(/2026-11-21 23:55:00Z +deploy +- +checkout 8\.4\.1 +- +admin +https/);
  });
});

describe('a refusal', () => {
  it('goes to stderr, with every field that was wrong', async () => {
    const { code, out, err } = await reinstate(['person', 'add', ' ', '--email', 'no address']);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^reinstate: the request has 2 fault\(s\)/);
    expect(err).toMatch(/\n {2}name: .+/);
    expect(err).toMatch(/\n {2}email: .+/);
  });

  it('is the problem document for programs', async () => {
    const { code, out, err } = await reinstate('shop show nowhere --json');
    expect([code, out]).toEqual([1, '']);
    expect(JSON.parse(err)).toMatchObject({ status: 404, code: expect.any(String) });
  });

  it('of a number that is not there says so', async () => {
    const { code, err } = await reinstate('incident show #7');
    expect([code, err]).toEqual([1, 'reinstate: there is no incident 7\n']);
  });
});

describe('a command that is written wrong', () => {
  it.each([
    ['incident', 'Usage: reinstate incident'],
    ['', 'Usage: reinstate'],
    ['nonsense', "unknown command 'nonsense'"],
    ['incident show', "missing required argument 'incident'"],
    ['incident show 1 2', 'too many arguments'],
    ['incident list --colour red', "unknown option '--colour'"],
    ['token issue x --role king --label y', 'Allowed choices are viewer'],
    ['token issue x --role viewer', "required option '--label <label>'"],
    ['announce create s --starts-at soon', 'a time such as'],
    ['audit list --all --cursor x', 'cannot be used with'],
    ['whoami --url ftp://x', 'is no address'],
    ['whoami --timeout soon', 'It is a whole number'],
    ['whoami --token-file /nowhere/at/all', 'cannot read /nowhere/at/all'],
  ])('"%s" ends with 2 and says what is wrong', async (line, words) => {
    const { code, out, err } = await reinstate(line === '' ? [] : line);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(words);
  });

  it('or without a token, which is never repeated on the terminal', async () => {
    const without = await reinstate('whoami', { token: undefined });
    expect([without.code, without.err]).toEqual([2, expect.stringContaining('REINSTATE_TOKEN')]);
    const broken = await reinstate('whoami', { token: 'rst_se cret\n' });
    expect(broken.code).toBe(2);
    expect(broken.err).not.toContain('cret');
  });
});

/** An address where nothing listens. */
async function closedUrl(): Promise<string> {
  const { url, close } = await listening(() => undefined);
  await close();
  return url;
}

async function listening(handler: RequestListener) {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

describe('a service that does not answer', () => {
  let silent: Awaited<ReturnType<typeof listening>>;
  beforeAll(async () => {
    // takes the connection and says nothing
    silent = await listening(() => undefined);
  });
  afterAll(() => silent.close());

  it('ends it with 3 when nothing listens there', async () => {
    const url = await closedUrl();
    const { code, out, err } = await reinstate('whoami', { url });
    expect([code, out]).toEqual([3, '']);
    expect(err).toContain(`cannot reach ${url} (ECONNREFUSED): is the service running`);
  });

  it('ends it with 3 when it takes too long', async () => {
    const { code, err } = await reinstate('whoami --timeout 1', { url: silent.url });
    expect([code, err]).toEqual([3, expect.stringContaining('did not answer within 1 s;')]);
  });

  it('ends it with 130 at Ctrl-C', async () => {
    const interrupt = new AbortController();
    setTimeout(() => interrupt.abort(), 100);
    const { code, err } = await reinstate('whoami', { url: silent.url, signal: interrupt.signal });
    expect([code, err]).toEqual([130, expect.stringContaining('interrupted')]);
  });

  it('ends it with 1 when something else answers', async () => {
    const other = await listening((_request, response) => response.end('<html>Welcome</html>'));
    const { code, err } = await reinstate('whoami', { url: other.url });
    await other.close();
    expect([code, err]).toEqual([1, expect.stringContaining('is not Reinstate')]);
  });
});

describe('a run that is watched', () => {
  const entry = (id: number, type: string, orderNumber: string) =>
    `event: entry\nid: ${id}\ndata: ${JSON.stringify({ at: '2026-11-22T03:10:00Z', type, data: { orderNumber } })}\n\n`;
  const progress = (items: object) =>
    `event: progress\nid: 1\ndata: ${JSON.stringify({ state: 'running', items })}\n\n`;
  const end = (state: string, stopReason: string | null) =>
    `event: end\ndata: ${JSON.stringify({ state, stopReason })}\n\n`;

  /** Plays one connection after the other; each but the last breaks off. */
  async function watch(connections: readonly string[], options = '') {
    const asked: (string | undefined)[] = [];
    const server = await listening((request, response) => {
      if (request.url?.endsWith('/events') !== true) {
        response.end('{}');
        return;
      }
      asked.push(request.headers['last-event-id']?.toString());
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(connections[asked.length - 1] ?? '', () => {
        if (asked.length < connections.length) response.destroy();
        else response.end();
      });
    });
    const run = '0198c5b2-7e1f-7c3a-9d21-5f0f6c1c2b11';
    const ended = await reinstate(`run watch ${run}${options}`, { url: server.url });
    await server.close();
    return { ...ended, asked };
  }

  it('is followed over a broken connection, and ends with 0 when all is well', async () => {
    const { code, out, err, asked } = await watch([
      entry(57, 'order-restored', 'S-1') + progress({ applied: 1, pending: 1 }),
      entry(60, 'order-verified', 'S-1') + progress({ verified: 2 }) + end('finished', null),
    ]);
    expect([code, err]).toEqual([0, '']);
    expect(asked).toEqual([undefined, '57']);
    expect(out).toBe(
      [
        '2026-11-22 03:10:00Z  order restored  order S-1',
        'running: 1 applied, 1 pending',
        '2026-11-22 03:10:00Z  order verified  order S-1',
        'running: 2 verified\n',
      ].join('\n'),
    );
  });

  it.each([
    ['finished', null, { verified: 8, refused: 2 }, 'finished: 8 verified, 2 refused'],
    ['stopped', 'still-bleeding', { verified: 1, pending: 9 }, 'stopped (still-bleeding): 1'],
  ])('ends with 1 when it %s (%s) without every order', async (state, why, items, words) => {
    const { code, err } = await watch([progress(items) + end(state, why)]);
    expect([code, err]).toEqual([1, expect.stringContaining(words)]);
  });

  it('is one line of JSON for each event, for programs', async () => {
    const { out } = await watch([progress({ verified: 1 }) + end('finished', null)], ' --json');
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { event: 'progress', id: '1', data: { state: 'running', items: { verified: 1 } } },
      { event: 'end', data: { state: 'finished', stopReason: null } },
    ]);
  });

  it('that is not there is refused', async () => {
    const run = '0198c5b2-7e1f-7c3a-9d21-5f0f6c1c2b11';
    const { code, out, err } = await reinstate(`run watch ${run}`);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^reinstate: .+ \[run-unknown\]/);
  });
});

describe('the help', () => {
  it('of everything, and of one noun', async () => {
    const all = await reinstate('help');
    expect([all.code, all.err]).toEqual([0, '']);
    for (const { name, summary } of nouns)
      expect(all.out).toMatch(new RegExp(`^ {2}${name} +${summary.slice(0, 12)}`, 'm'));
    const one = await reinstate('help incident');
    expect([one.code, one.out]).toEqual([0, expect.stringContaining('timeline')]);
  });
});

describe('the version', () => {
  it('is told', async () => {
    expect(await reinstate('--version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
  });
});
