import { join } from 'node:path';
import pg from 'pg';
import { startLocalPostgres, type LocalPostgres } from '../../../local-postgres/local-postgres.js';
import { secretFile } from '../secret-file.js';
import { runtimeRole, type DatabaseSettings } from './connect.js';

const ownerRole = 'reinstate_owner';
const databaseName = 'reinstate';

interface EmbeddedOptions {
  readonly dataDirectory: string;
  readonly poolSize: number;
}

/**
 * A PostgreSQL of the service's own, for users who have none: started (or adopted, where an earlier
 * process left it running) in the data directory. Whoever starts it sees to its end.
 */
export async function startEmbeddedServer(
  options: EmbeddedOptions & { say: (line: string) => void },
): Promise<LocalPostgres> {
  const { dataDirectory, poolSize, say } = options;
  return startLocalPostgres({
    dataDirectory: join(dataDirectory, 'postgres'),
    settings: { max_connections: String(poolSize + 30) },
    say,
  });
}

/** Makes our database on that server, with separate logins for the owner and the runtime, unless it is there. */
export async function prepareEmbeddedDatabase(
  server: LocalPostgres,
  { dataDirectory, poolSize }: EmbeddedOptions,
): Promise<DatabaseSettings> {
  const ownerPassword = await secretFile(join(dataDirectory, 'owner-password'));
  const runtimePassword = await secretFile(join(dataDirectory, 'runtime-password'));
  await prepare(server.url('postgres'), { ownerPassword, runtimePassword });
  const url = loginUrl(server, { user: ownerRole, password: ownerPassword });
  const runtimeUrl = loginUrl(server, { user: runtimeRole, password: runtimePassword });
  return { url, runtimeUrl, poolSize };
}

/** Creates roles and database where they are missing; the passwords are those of the files. */
async function prepare(
  superuserUrl: string,
  passwords: { ownerPassword: string; runtimePassword: string },
): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    await ensureLogin(client, { role: ownerRole, password: passwords.ownerPassword });
    await ensureLogin(client, { role: runtimeRole, password: passwords.runtimePassword });
    await client.query(`GRANT ${runtimeRole} TO ${ownerRole}`);
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [
      databaseName,
    ]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${databaseName} OWNER ${ownerRole}`);
  } finally {
    await client.end();
  }
}

async function ensureLogin(
  client: pg.Client,
  login: { role: string; password: string },
): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [
    login.role,
  ]);
  const verb = rowCount === 0 ? 'CREATE' : 'ALTER';
  await client.query(
    `${verb} ROLE ${login.role} LOGIN PASSWORD ${client.escapeLiteral(login.password)}`,
  );
}

function loginUrl(server: LocalPostgres, login: { user: string; password: string }): string {
  const url = new URL(server.url(databaseName));
  url.username = login.user;
  url.password = encodeURIComponent(login.password);
  return url.href;
}
