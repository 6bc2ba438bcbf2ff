import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { removeLocalPostgres } from '../../local-postgres/local-postgres.js';
import { spawnSampleShop, type RemoteShop } from '../process/shop-client.js';
import type { ReinstateCredentials } from '../shop/database.js';
import { JsonClient } from './json-client.js';
import { startPageReceiver, type PageReceiver } from './page-receiver.js';
import { startReinstate } from './reinstate-process.js';
import { count, teller } from './teller.js';

export const shopId = 'sample';
const reinstateData = 'reinstate';

/** Everything that plays a part: the shop, Reinstate, the pager, and the people at work. */
export interface Stage {
  readonly shop: RemoteShop;
  readonly credentials: ReinstateCredentials;
  readonly serviceUrl: string;
  readonly adminToken: string;
  readonly pager: PageReceiver;
  /** sets up: tokens, attach, arm */
  readonly admin: JsonClient;
  /** on call: plans and runs */
  readonly robin: JsonClient;
  /** the second person, who approves */
  readonly alex: JsonClient;
  /** Ends everything and removes its data; the logs stay where one wants to read them. */
  close(options: { keepLogs: boolean }): Promise<void>;
}

/** Starts the shop and Reinstate, each with a PostgreSQL of its own, in a directory that is made new. */
export async function setStage(options: { seed: string; signal: AbortSignal }): Promise<Stage> {
  const { signal } = options;
  const directory = resolve('.data', `demo-${process.pid}`);
  await mkdir(directory, { recursive: true });
  const curtain = new Curtain(directory);
  try {
    const shop = await openShop({ ...options, directory, curtain });
    const pager = await startPageReceiver();
    curtain.add(() => pager.close());
    const credentials = await shop.credentials();
    const configFile = await writeConfig({ directory, credentials, pager });
    const reinstate = await startReinstate({
      configFile,
      logFile: join(directory, 'reinstate.log'),
      onPlaced: (line) => teller.say(line),
      signal,
    });
    curtain.add(() => reinstate.stop());
    teller.say(`Reinstate is up at ${reinstate.url}`);
    const admin = new JsonClient(`${reinstate.url}/api/v1`, reinstate.firstToken);
    return {
      shop,
      credentials,
      serviceUrl: reinstate.url,
      adminToken: reinstate.firstToken,
      pager,
      admin,
      robin: await hire(admin, { name: 'Robin', role: 'responder', url: reinstate.url }),
      alex: await hire(admin, { name: 'Alex', role: 'approver', url: reinstate.url }),
      close: (ending) => curtain.fall(ending),
    };
  } catch (error) {
    await curtain.fall({ keepLogs: !signal.aborted });
    throw error;
  }
}

/** What has to be ended when the play is over, last things first; falls once. */
class Curtain {
  private readonly endings: (() => Promise<unknown>)[] = [];
  private falling: Promise<void> | undefined;

  constructor(private readonly directory: string) {}

  add(ending: () => Promise<unknown>): void {
    this.endings.push(ending);
  }

  fall({ keepLogs }: { keepLogs: boolean }): Promise<void> {
    this.falling ??= this.endAll(keepLogs);
    return this.falling;
  }

  private async endAll(keepLogs: boolean): Promise<void> {
    for (const ending of this.endings.reverse())
      await ending().catch((error: unknown) => teller.bad(String(error)));
    for (const cluster of clustersIn(this.directory))
      await removeLocalPostgres(cluster).catch((error: unknown) => teller.bad(String(error)));
    const logs = ['shop.log', 'reinstate.log'];
    const names = await readdir(this.directory);
    const gone = keepLogs ? names.filter((name) => !logs.includes(name)) : ['.'];
    for (const name of gone) await rm(join(this.directory, name), { recursive: true, force: true });
    if (keepLogs) teller.say(`the logs of both are kept in ${this.directory}`);
  }
}

/** The databases of both, which may be put elsewhere: their servers' user cannot enter every directory. */
function clustersIn(directory: string): string[] {
  return [shopCluster(directory), join(directory, reinstateData, 'postgres')];
}

function shopCluster(directory: string): string {
  return join(directory, 'shop');
}

async function openShop(options: {
  directory: string;
  seed: string;
  signal: AbortSignal;
  curtain: Curtain;
}): Promise<RemoteShop> {
  const { directory, seed, signal, curtain } = options;
  const log = createWriteStream(join(directory, 'shop.log'));
  const shop = await spawnSampleShop({
    dataDirectory: shopCluster(directory),
    seed,
    signal,
    say: (line) => {
      log.write(`${line}\n`);
      // where it was put and as whom its server runs, where that is worth a word
      if (/^(The database|PostgreSQL) /.test(line)) teller.say(line);
    },
  });
  curtain.add(() => shop.shutdown());
  teller.say(
    `the sample shop is open: ${count(shop.ready.pastOrders, 'past order')}, customers keep buying`,
  );
  return shop;
}

async function writeConfig(parts: {
  directory: string;
  credentials: ReinstateCredentials;
  pager: PageReceiver;
}): Promise<string> {
  const { replicate, read, write } = parts.credentials;
  const file = join(parts.directory, 'reinstate.yaml');
  const config = {
    data_directory: reinstateData,
    http: { port: 0 },
    receivers: [{ name: 'on-call', webhook: { url: parts.pager.url, secret: parts.pager.secret } }],
    shops: [
      {
        id: shopId,
        name: 'Sample shop',
        profile: 'sample-shop',
        postgres: { replicate, read, write },
      },
    ],
  };
  await writeFile(file, stringify(config), { mode: 0o600 });
  return file;
}

/** A person of their own, with a token of their role: nobody restores alone. */
async function hire(
  admin: JsonClient,
  person: { name: string; role: 'responder' | 'approver'; url: string },
): Promise<JsonClient> {
  const { id } = await admin.post<{ id: string }>('/persons', { name: person.name });
  const token = { role: person.role, label: 'demo' };
  const { secret } = await admin.post<{ secret: string }>(`/persons/${id}/tokens`, token);
  return new JsonClient(`${person.url}/api/v1`, secret);
}
