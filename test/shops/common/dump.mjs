/** The whole database as plain data, by plain SQL, and the differences between two such dumps. */

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;

const tablesSql = `
  SELECT c.table_name AS name, array_agg(c.column_name::text ORDER BY c.ordinal_position) AS columns
    FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
   WHERE c.table_schema = $1 AND t.table_type = 'BASE TABLE'
   GROUP BY c.table_name
   ORDER BY c.table_name`;

const keysSql = `
  SELECT k.table_name AS name, array_agg(k.column_name::text ORDER BY k.ordinal_position) AS columns
    FROM information_schema.table_constraints c
    JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name, table_name)
   WHERE c.table_schema = $1 AND c.constraint_type = 'PRIMARY KEY'
   GROUP BY k.table_name`;

async function dumpTable({ client, schema, table: { name, columns }, key }) {
  const fields = columns.map((column) => `${quoted(column)}::text`).join(', ');
  const { rows } = await client.query({
    text: `SELECT ${fields} FROM ${quoted(schema)}.${quoted(name)}`,
    rowMode: 'array',
  });
  const named = rows.map((row) =>
    Object.fromEntries(columns.map((column, index) => [column, row[index]])),
  );
  // A table without a key is compared by whole rows; a second equal row must not vanish.
  const seen = new Map();
  const keyOf = (row) => {
    const text = (key ?? columns).map((column) => row[column]).join('/');
    const times = seen.get(text) ?? 0;
    seen.set(text, times + 1);
    return times ? `${text}#${times}` : text;
  };
  return Object.fromEntries(named.map((row) => [keyOf(row), row]));
}

/**
 * Every table of one schema at one moment: `{ table: { primaryKey: { column: text } } }`.
 * A composite key is joined with `/`. Values are what PostgreSQL writes for `column::text`, or null.
 * @param {{ client: import('pg').Client, schema?: string, tables?: string[] }} options `tables` limits the dump
 */
export async function dumpDatabase(options) {
  const { client } = options;
  await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`);
  try {
    return await readTables(options);
  } finally {
    await client.query('COMMIT');
  }
}

/** The same inside a transaction that the caller has open. */
export async function readTables({ client, schema = 'public', tables }) {
  const all = (await client.query(tablesSql, [schema])).rows;
  const keyed = (await client.query(keysSql, [schema])).rows;
  const keys = new Map(keyed.map(({ name, columns }) => [name, columns]));
  const dump = {};
  for (const table of all) {
    if (tables && !tables.includes(table.name)) continue;
    dump[table.name] = await dumpTable({ client, schema, table, key: keys.get(table.name) });
  }
  return dump;
}

function compareRows({ table, key, before, after }) {
  if (!before) return [{ table, key, kind: 'inserted', after }];
  if (!after) return [{ table, key, kind: 'deleted', before }];
  return Object.keys({ ...before, ...after })
    .filter((column) => before[column] !== after[column])
    .map((column) => ({
      table,
      key,
      kind: 'changed',
      column,
      before: before[column],
      after: after[column],
    }));
}

/**
 * What differs, as a flat list in the order of tables and keys:
 * `{ table, key, kind: 'inserted', after: row }`, `{ table, key, kind: 'deleted', before: row }` or
 * `{ table, key, kind: 'changed', column, before, after }`. Empty when the dumps are equal.
 */
export function compareDumps({ before, after }) {
  const tables = Object.keys({ ...before, ...after }).sort();
  return tables.flatMap((table) => {
    const [old, current] = [before[table] ?? {}, after[table] ?? {}];
    const keys = Object.keys({ ...old, ...current });
    return keys.flatMap((key) =>
      compareRows({ table, key, before: old[key], after: current[key] }),
    );
  });
}
