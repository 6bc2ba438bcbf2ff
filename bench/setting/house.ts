import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { JsonClient } from '../../demo/story/json-client.js';
import type { LocalPostgres } from '../../local-postgres/local-postgres.js';
import { prepareEmbeddedDatabase } from '../../src/platform/database/embedded.js';
import type { BenchContext } from '../figure.js';
import { startOwnServer } from './servers.js';
import { startService, type Service } from './service.js';

const poolSize = 20;

/** What of the configuration a bench decides. */
export interface HouseConfig {
  readonly shops: readonly object[];
  readonly receivers?: readonly object[];
}

type Role = 'admin' | 'responder' | 'approver' | 'ingest' | 'metrics';

/** Reinstate with a database server of its own, and people and programs who use it. */
export class House {
  private service: Service | undefined;
  private readonly secrets = new Map<Role, string>();

  private constructor(
    private readonly context: BenchContext,
    readonly server: LocalPostgres,
    /** its database, as the server's superuser */
    readonly pool: pg.Pool,
    private readonly configFile: string,
  ) {}

  /** Makes its database and configuration; starts nothing of it yet. */
  static async build(context: BenchContext, config: HouseConfig): Promise<House> {
    const { endings } = context;
    const server = await startOwnServer(context);
    const place = { dataDirectory: context.directory, poolSize };
    const { url, runtimeUrl } = await prepareEmbeddedDatabase(server, place);
    const pool = new pg.Pool({
      connectionString: server.url('reinstate'),
      max: 4,
      options: '-c search_path=reinstate',
    });
    pool.on('error', () => undefined);
    endings.add(() => pool.end());
    const configFile = join(context.directory, 'reinstate.json');
    const whole = {
      http: { port: 0 },
      log_level: 'warn',
      database: { url, runtime_url: runtimeUrl, pool_size: poolSize },
      data_directory: context.directory,
      ...config,
    };
    await writeFile(configFile, JSON.stringify(whole), { mode: 0o600 });
    return new House(context, server, pool, configFile);
  }

  get url(): string {
    return this.running.url;
  }

  get pid(): number {
    return this.running.pid;
  }

  /** Starts the built product; tells its address as soon as it listens. */
  async start(onListening?: (url: string) => void): Promise<void> {
    const { directory, signal } = this.context;
    const service = await startService({
      configFile: this.configFile,
      logFile: join(directory, 'reinstate.log'),
      signal,
      onListening,
    });
    this.service = service;
    this.context.endings.add(() => service.stop());
    if (service.firstToken !== undefined) this.secrets.set('admin', service.firstToken);
  }

  async stop(): Promise<void> {
    await this.running.stop();
    this.service = undefined;
  }

  /** A person with a token of that role, the same one whenever asked. */
  async as(role: Role): Promise<JsonClient> {
    return new JsonClient(`${this.url}/api/v1`, await this.secretOf(role));
  }

  async secretOf(role: Role): Promise<string> {
    const known = this.secrets.get(role);
    if (known !== undefined) return known;
    const admin = new JsonClient(`${this.url}/api/v1`, await this.secretOf('admin'));
    const { id } = await admin.post<{ id: string }>('/persons', { name: `Bench ${role}` });
    const token = { role, label: 'bench' };
    const { secret } = await admin.post<{ secret: string }>(`/persons/${id}/tokens`, token);
    this.secrets.set(role, secret);
    return secret;
  }

  async query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(sql, values)).rows;
  }

  private get running(): Service {
    if (this.service === undefined) throw new Error('Reinstate does not run');
    return this.service;
  }
}
