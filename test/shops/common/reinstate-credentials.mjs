/** The four credentials that Reinstate has in the shop's database, each with no more rights than it needs. */
import { randomBytes } from 'node:crypto';

function loginUrl(databaseUrl, { role, password }) {
  const url = new URL(databaseUrl);
  url.username = role;
  url.password = password;
  return url.href;
}

/**
 * Makes three roles and resolves with their addresses; `attach` is the owner of the shop's tables. They go
 * with `dropCredentials`.
 * @param {{ client: import('pg').Client, databaseUrl: string }} shop
 * @param {{ orderTables: string[], writeGrants: string[] }} rights what the profile reads, and what its restores write
 */
export async function createCredentials({ client, databaseUrl }, { orderTables, writeGrants }) {
  const suffix = randomBytes(4).toString('hex');
  const urls = {};
  const roles = [];
  const create = async (name, { options = '', grants }) => {
    const login = {
      role: `reinstate_${name}_${suffix}`,
      password: randomBytes(12).toString('hex'),
    };
    await client.query(`CREATE ROLE ${login.role} LOGIN ${options} PASSWORD '${login.password}'`);
    for (const grant of grants) await client.query(`GRANT ${grant} TO ${login.role}`);
    roles.push(login.role);
    urls[name] = loginUrl(databaseUrl, login);
  };
  const tables = orderTables.map((table) => `"${table}"`).join(', ');
  const reading = ['USAGE ON SCHEMA public', `SELECT ON ${tables}`];
  await create('replicate', { options: 'REPLICATION', grants: [] });
  await create('read', { grants: reading });
  await create('write', { grants: [...reading, ...writeGrants] });
  return { attach: databaseUrl, ...urls, roles };
}

/** Takes the roles away again, with what they were granted. */
export async function dropCredentials({ client }, { roles }) {
  for (const role of roles) {
    await client.query(`DROP OWNED BY ${role}`);
    await client.query(`DROP ROLE ${role}`);
  }
}
