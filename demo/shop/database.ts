import { randomBytes } from 'node:crypto';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { AUDIT_SCHEMA_SQL } from './audit.js';
import { SHOP_SCHEMA_SQL } from './schema.js';

/** What the shop's PostgreSQL server must be started with. */
export const SHOP_SERVER_SETTINGS: Record<string, string> = {
  wal_level: 'logical',
  max_wal_senders: '10',
  max_replication_slots: '10',
  // A reader that has gone away must not fill the shop's disk.
  max_slot_wal_keep_size: '512MB',
};

/** The database's usual name; tests that share a server give each shop another one. */
export const SHOP_DATABASE = 'shop';

export interface ShopRoles {
  owner: string;
  application: string;
  attach: string;
  replicate: string;
  read: string;
  write: string;
}

/** Roles belong to the whole server: a database of another name has its own set. */
export function shopRoles(database: string = SHOP_DATABASE): ShopRoles {
  const suffix = database === SHOP_DATABASE ? '' : `_${database}`;
  return {
    owner: `shop_owner${suffix}`,
    application: `shop_app${suffix}`,
    attach: `reinstate_attach${suffix}`,
    replicate: `reinstate_replicate${suffix}`,
    read: `reinstate_read${suffix}`,
    write: `reinstate_write${suffix}`,
  };
}

/** One connection URL per duty; each is its own login with no more rights than the duty needs. */
export interface ReinstateCredentials {
  /** Acts as the tables' owner and may create publications; used once. */
  attach: string;
  replicate: string;
  read: string;
  /** Changes order data; deletes nothing. */
  write: string;
}

export interface ShopDatabase {
  /** Connection URL of the server's superuser in the shop's database. */
  url: string;
  roles: ShopRoles;
  /** False when the database was there already, with its orders. */
  created: boolean;
}

/** Creates roles, database, tables and audit on the server, unless the database is there already. */
export async function createShopDatabase(
  superuserUrl: string,
  database: string = SHOP_DATABASE,
): Promise<ShopDatabase> {
  const roles = shopRoles(database);
  const created = await withClient(superuserUrl, async (client) => {
    await client.query(createRoleSql(roles.owner, 'NOLOGIN'));
    await client.query(createRoleSql(roles.application, 'LOGIN'));
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (found.rowCount !== 0) return false;
    const [name, owner] = [escapeIdentifier(database), escapeIdentifier(roles.owner)];
    await client.query(`CREATE DATABASE ${name} OWNER ${owner}`);
    return true;
  });
  const url = new URL(superuserUrl);
  url.pathname = `/${database}`;
  if (created) await withClient(url.href, (client) => createSchema(client, roles));
  return { url: url.href, roles, created };
}

async function createSchema(client: Client, roles: ShopRoles): Promise<void> {
  const [owner, application] = [escapeIdentifier(roles.owner), escapeIdentifier(roles.application)];
  await client.query('BEGIN');
  await client.query(`SET LOCAL ROLE ${owner}`);
  await client.query(SHOP_SCHEMA_SQL);
  await client.query('RESET ROLE');
  await client.query(AUDIT_SCHEMA_SQL);
  await client.query(`
    GRANT USAGE ON SCHEMA shop TO ${application};
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA shop TO ${application};
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA shop TO ${application};
    GRANT USAGE ON SCHEMA audit TO ${application};
    GRANT INSERT ON audit.generator_ledger TO ${application};
  `);
  await client.query('COMMIT');
}

/** Gives the shop's own application login a new password and answers its connection URL. */
export async function createApplicationCredential(shop: ShopDatabase): Promise<string> {
  return withClient(shop.url, (client) =>
    createLogin(client, shop.url, { role: shop.roles.application, options: 'LOGIN', grants: '' }),
  );
}

/** Creates (or gives new passwords to) the four logins that Reinstate is given. */
export async function createReinstateCredentials(
  shop: ShopDatabase,
): Promise<ReinstateCredentials> {
  return withClient(shop.url, async (client) => {
    const logins = reinstateLogins(shop.roles, client.database ?? SHOP_DATABASE);
    return {
      attach: await createLogin(client, shop.url, logins.attach),
      replicate: await createLogin(client, shop.url, logins.replicate),
      read: await createLogin(client, shop.url, logins.read),
      write: await createLogin(client, shop.url, logins.write),
    };
  });
}

function reinstateLogins(
  roles: ShopRoles,
  database: string,
): Record<keyof ReinstateCredentials, Login> {
  const { attach, owner, read, write } = roles;
  return {
    attach: {
      role: attach,
      options: 'LOGIN',
      // pg_read_all_stats: to name the sessions that keep a slot from being created.
      grants: `GRANT ${escapeIdentifier(owner)}, pg_read_all_stats TO ${escapeIdentifier(attach)};
        GRANT CREATE ON DATABASE ${escapeIdentifier(database)} TO ${escapeIdentifier(attach)};`,
    },
    replicate: { role: roles.replicate, options: 'LOGIN REPLICATION', grants: '' },
    read: { role: read, options: 'LOGIN', grants: grantReading(read) },
    write: {
      role: write,
      options: 'LOGIN',
      grants: `${grantReading(write)}
        GRANT INSERT, UPDATE ON shop.orders, shop.order_line, shop.shipping_line, shop.payment,
          shop.refund, shop.stock TO ${escapeIdentifier(write)};
        GRANT INSERT ON shop.stock_movement, shop.order_history TO ${escapeIdentifier(write)};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA shop TO ${escapeIdentifier(write)};`,
    },
  };
}

function grantReading(role: string): string {
  return `GRANT USAGE ON SCHEMA shop TO ${escapeIdentifier(role)};
    GRANT SELECT ON ALL TABLES IN SCHEMA shop TO ${escapeIdentifier(role)};`;
}

interface Login {
  role: string;
  options: string;
  grants: string;
}

async function createLogin(client: Client, baseUrl: string, login: Login): Promise<string> {
  const password = randomBytes(18).toString('base64url');
  const role = escapeIdentifier(login.role);
  await client.query(createRoleSql(login.role, login.options));
  await client.query(`ALTER ROLE ${role} ${login.options} PASSWORD ${escapeLiteral(password)}`);
  if (login.grants !== '') await client.query(login.grants);
  const url = new URL(baseUrl);
  url.username = login.role;
  url.password = password;
  return url.href;
}

function createRoleSql(role: string, options: string): string {
  return `DO $do$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(role)}) THEN
      CREATE ROLE ${escapeIdentifier(role)} ${options};
    END IF;
  END $do$`;
}

async function withClient<T>(url: string, act: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'sample-shop-setup' });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}
