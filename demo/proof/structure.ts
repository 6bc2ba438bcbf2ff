import type { Client } from 'pg';

/** Everything but PostgreSQL's own. */
const OURS = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/** Each answers one kind of thing, one line for each. */
const KINDS: readonly string[] = [
  `SELECT format('relation %I.%I (%s) of %s, rights %s, row security %s', n.nspname, c.relname,
          c.relkind, c.relowner::regrole, c.relacl, c.relrowsecurity) AS line
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND ${OURS}`,
  `SELECT format('column %I.%I.%I %s, not null %s, default %s, %s%s, rights %s', n.nspname,
          c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
          pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attacl) AS line
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND ${OURS}`,
  `SELECT format('constraint %I.%I.%I %s, checked %s', n.nspname, c.relname, x.conname,
          pg_get_constraintdef(x.oid), x.convalidated) AS line
     FROM pg_constraint x JOIN pg_class c ON c.oid = x.conrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OURS}`,
  `SELECT format('index %s', pg_get_indexdef(i.indexrelid)) AS line
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OURS}`,
  `SELECT format('trigger %s, enabled %s', pg_get_triggerdef(t.oid), t.tgenabled) AS line
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND ${OURS}`,
  `SELECT format('function %s: %s', p.oid::regprocedure, md5(pg_get_functiondef(p.oid))) AS line
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p') AND ${OURS}`,
];

/**
 * The database's structure, sorted: tables with their rights, columns, constraints, indexes, triggers
 * with whether they fire, functions. Replica identities and publications are left out: they are what
 * attaching changes.
 */
export async function readStructure(client: Client): Promise<string[]> {
  const lines: string[] = [];
  for (const sql of KINDS) {
    const { rows } = await client.query<{ line: string }>(sql);
    lines.push(...rows.map(({ line }) => line));
  }
  return lines.sort();
}
