import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { spawnSampleShop, type RemoteShop } from '../process/shop-client.js';
import type { ReinstateCredentials } from '../shop/database.js';
import { JsonClient } from './json-client.js';
import { startPageReceiver, type PageReceiver } from './page-receiver.js';
import { startReinstate } from './reinstate-process.js';
import { count, teller } from './teller.js';

export const shopId = 'sample';

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
  readonly directory: string;
  /** Ends everything and removes its data. */
  close(): Promise<void>;
}

/** Starts the shop and Reinstate, each with a PostgreSQL of its own, in a directory that is made new. */
export async function setStage(options: { seed: string }): Promise<Stage> {
  const directory = resolve('.data', `demo-${process.pid}`);
  await mkdir(directory, { recursive: true });
  const curtain = new Curtain(directory);
  try {
    const shop = await openShop(directory, options.seed);
    curtain.add(() => closeShop(shop));
    const pager = await startPageReceiver();
    curtain.add(() => pager.close());
    const credentials = await shop.credentials();
    const configFile = await writeConfig({ directory, credentials, pager });
    const reinstate = await startReinstate({
      configFile,
      logFile: join(directory, 'reinstate.log'),
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
      directory,
      close: () => curtain.fall(),
    };
  } catch (error) {
    await curtain.fall();
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

  fall(): Promise<void> {
    this.falling ??= this.endAll();
    return this.falling;
  }

  private async endAll(): Promise<void> {
    for (const ending of this.endings.reverse())
      await ending().catch((error: unknown) => teller.bad(String(error)));
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function openShop(directory: string, seed: string): Promise<RemoteShop> {
  const shop = await spawnSampleShop({
    dataDirectory: join(directory, 'shop'),
    seed,
    say: (line) => void appendFile(join(directory, 'shop.log'), `${line}\n`),
  });
  teller.say(
    `the sample shop is open: ${count(shop.ready.pastOrders, 'past order')}, customers keep buying`,
  );
  return shop;
}

/** The directory of its database may lie elsewhere, where the server's user can enter it. */
async function closeShop(shop: RemoteShop): Promise<void> {
  await shop.shutdown();
  await rm(shop.ready.dataDirectory, { recursive: true, force: true });
}

async function writeConfig(parts: {
  directory: string;
  credentials: ReinstateCredentials;
  pager: PageReceiver;
}): Promise<string> {
  const { replicate, read, write } = parts.credentials;
  const file = join(parts.directory, 'reinstate.yaml');
  const config = {
    data_directory: 'reinstate',
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
