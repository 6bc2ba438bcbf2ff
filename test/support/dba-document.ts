import { readFile } from 'node:fs/promises';
import {
  shopRoles,
  type ReinstateCredentials,
  type ShopDatabase,
} from '../../demo/shop/database.js';
import { withClient } from './postgres.js';

const documentPath = 'docs/for-your-dba.md';

/** What the document gives as password. */
const placeholder = `'...'`;
export const dbaPassword = 'of-the-document';

/** The SQL of a heading in docs/for-your-dba.md, with the names that this shop's database has instead. */
export async function dbaSql(heading: string, shop: ShopDatabase): Promise<string> {
  const text = await readFile(documentPath, 'utf8');
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`));
  const sql = /```sql\n([^]*?)```/.exec(section ?? '')?.[1];
  if (sql === undefined) throw new Error(`docs/for-your-dba.md has no SQL under "${heading}"`);
  const database = new URL(shop.url).pathname.slice(1);
  const told = shopRoles();
  const renamed = Object.entries(shop.roles).map(([duty, name]) => [
    told[duty as keyof typeof told],
    String(name),
  ]);
  return renamed
    .reduce(
      (changed, [from = '', to = '']) => changed.replaceAll(new RegExp(`\\b${from}\\b`, 'g'), to),
      sql,
    )
    .replaceAll(/\bDATABASE shop\b/g, `DATABASE ${database}`)
    .replaceAll(placeholder, `'${dbaPassword}'`);
}

/** The most connections that the document tells of, as the server's own bound for each login. */
async function connectionLimits(shop: ShopDatabase): Promise<string> {
  const text = await readFile(documentPath, 'utf8');
  const told = [...text.matchAll(/^\| connections of `reinstate_(\w+)` \| (\d+)/gm)];
  if (told.length !== 4)
    throw new Error(`${documentPath} tells of ${told.length} logins' connections`);
  return told
    .map(([, duty, most]) => {
      const role = shop.roles[duty as keyof ShopDatabase['roles']];
      return `ALTER ROLE ${role} CONNECTION LIMIT ${most};`;
    })
    .join('\n');
}

/**
 * The four logins, made by nothing but the document's SQL, run by the server's administrator, and with no
 * more connections than it tells of.
 */
export async function credentialsOfDocument(shop: ShopDatabase): Promise<ReinstateCredentials> {
  const sql = await dbaSql('The four logins', shop);
  const limits = await connectionLimits(shop);
  await withClient(shop.url, (client) => client.query(`${sql}\n${limits}`));
  const as = (role: string): string => {
    const url = new URL(shop.url);
    url.username = role;
    url.password = dbaPassword;
    return url.href;
  };
  const { attach, replicate, read, write } = shop.roles;
  return { attach: as(attach), replicate: as(replicate), read: as(read), write: as(write) };
}

/** One right, as the two statements that give it and take it away. */
export interface Right {
  readonly what: string;
  readonly grant: string;
  readonly revoke: string;
}

/** Every right that a role has in the database by a grant of its own. */
export async function rightsOf(url: string, role: string): Promise<Right[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ privilege: string; object: string }>(rightsSql, [role]);
    return rows.map(({ privilege, object }) => ({
      what: `${privilege} ON ${object}`,
      grant: `GRANT ${privilege} ON ${object} TO ${role}`,
      revoke: `REVOKE ${privilege} ON ${object} FROM ${role}`,
    }));
  });
}

const rightsSql = `
WITH given AS (
  SELECT format('TABLE %I.%I', nspname, relname) AS object, acl.privilege_type AS privilege, acl.grantee
    FROM pg_class class JOIN pg_namespace namespace ON namespace.oid = relnamespace, aclexplode(relacl) AS acl
   WHERE relkind <> 'S'
  UNION ALL
  SELECT format('SEQUENCE %I.%I', nspname, relname), acl.privilege_type, acl.grantee
    FROM pg_class class JOIN pg_namespace namespace ON namespace.oid = relnamespace, aclexplode(relacl) AS acl
   WHERE relkind = 'S'
  UNION ALL
  SELECT format('TABLE %I.%I', nspname, relname), format('%s (%I)', acl.privilege_type, attname), acl.grantee
    FROM pg_attribute JOIN pg_class class ON class.oid = attrelid
    JOIN pg_namespace namespace ON namespace.oid = relnamespace, aclexplode(attacl) AS acl
  UNION ALL
  SELECT format('SCHEMA %I', nspname), acl.privilege_type, acl.grantee FROM pg_namespace, aclexplode(nspacl) AS acl
  UNION ALL
  SELECT format('DATABASE %I', datname), acl.privilege_type, acl.grantee FROM pg_database, aclexplode(datacl) AS acl
   WHERE datname = current_database()
)
SELECT privilege, object FROM given WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = $1) ORDER BY 2, 1`;

/** All that Reinstate could leave in a shop's database: rights, roles, identities, publications, slots. */
export async function tracesIn(shop: ShopDatabase): Promise<string[]> {
  return withClient(shop.url, async (client) => {
    const { rows } = await client.query<{ trace: string }>(tracesSql, [Object.values(shop.roles)]);
    return rows.map(({ trace }) => trace);
  });
}

const tracesSql = `
SELECT format('%s %s %s', relname, relreplident, ARRAY(
    SELECT acl::text FROM aclexplode(coalesce(relacl, acldefault('r', relowner))) AS acl ORDER BY 1)) AS trace
  FROM pg_class WHERE relnamespace IN ('shop'::regnamespace, 'public'::regnamespace) AND relkind IN ('r', 'p', 'S')
UNION ALL
SELECT format('%s.%s %s', attrelid::regclass, attname, attacl) FROM pg_attribute WHERE attacl IS NOT NULL
UNION ALL
SELECT format('schema %s %s', nspname, nspacl) FROM pg_namespace WHERE nspname IN ('shop', 'public')
UNION ALL
SELECT format('database %s', ARRAY(
    SELECT acl::text FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) AS acl ORDER BY 1))
  FROM pg_database WHERE datname = current_database()
UNION ALL
SELECT format('role %s', rolname) FROM pg_roles WHERE rolname = ANY ($1)
UNION ALL
SELECT format('member of %s: %s', roleid::regrole, member::regrole) FROM pg_auth_members
 WHERE member IN (SELECT oid FROM pg_roles WHERE rolname = ANY ($1))
UNION ALL
SELECT format('publication %s', pubname) FROM pg_publication
UNION ALL
SELECT format('slot %s', slot_name) FROM pg_replication_slots WHERE database = current_database()
UNION ALL
SELECT format('default rights %s', oid) FROM pg_default_acl
UNION ALL
SELECT format('function %s', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'shop'::regnamespace
UNION ALL
SELECT format('trigger %s of %s', tgname, tgrelid::regclass) FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1`;
