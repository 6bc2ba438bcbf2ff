import { namesIn, replaced, type Values } from './placeholders.js';

/** What is wrong with a query, and how many characters into it. */
export interface QueryFault {
  readonly offset: number;
  readonly message: string;
}

/** Everything whose words are no SQL: strings, quoted names, dollar-quoted strings, comments. */
const opaque =
  /\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\//g;

/** Words that change something, or lock, where they stand in a query. */
const writing = new Set(['insert', 'update', 'delete', 'merge', 'truncate', 'into']);
const locking = /\bfor\s+(no\s+key\s+update|update|key\s+share|share)\b/gi;
/** Functions that act although a transaction is read only, or read what is no table. */
const acting =
  /\b(pg_sleep\w*|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile|pg_notify|pg_try_advisory\w*|pg_advisory\w*|pg_switch_wal|pg_create_\w*|pg_drop_\w*|pg_replication_\w*|pg_logical_\w*|pg_read_\w*|pg_ls_\w*|pg_stat_reset\w*|set_config|nextval|setval|lo_\w+|dblink\w*|query_to_xml\w*|cursor_to_xml\w*|table_to_xml\w*|schema_to_xml\w*|database_to_xml\w*)\s*\(/gi;

/**
 * What keeps a query from being a check: it must be one statement that only reads. The server holds the
 * same by a read-only transaction and a cursor; here it is told before anybody runs it. Pure.
 */
export function queryFaults(query: string): QueryFault[] {
  const code = query.replaceAll(opaque, (quoted) => quoted.replaceAll(/[^\n]/g, ' '));
  const bare = replaced(code, () => ' ');
  return [
    ...statementFaults(bare),
    ...wordFaults(bare),
    ...matches(bare, locking, (found) => `${found} locks rows; a check only reads`),
    ...matches(
      bare,
      acting,
      (found) => `${found.replace(/\s*\($/, '')}() does more than read tables`,
    ),
    ...matches(bare, /\$\d+/g, (found) => `${found}: a value is written as {{ name }}`),
    ...hiddenFaults(query, code),
  ];
}

function statementFaults(bare: string): QueryFault[] {
  const first = /[A-Za-z(]\w*/.exec(bare);
  const word = first?.[0].toLowerCase() ?? '';
  const end = /;(?=\s*\S)/.exec(bare);
  return [
    ...(['select', 'with', 'values', 'table'].includes(word) || word.startsWith('(')
      ? []
      : [
          {
            offset: first?.index ?? 0,
            message: `a check is a SELECT (or WITH ... SELECT, VALUES, TABLE), not ${word === '' ? 'nothing' : word.toUpperCase()}`,
          },
        ]),
    ...(end === null ? [] : [{ offset: end.index, message: 'a check is one statement' }]),
  ];
}

function wordFaults(bare: string): QueryFault[] {
  const withoutLocks = bare.replaceAll(locking, (found) => ' '.repeat(found.length));
  return [...withoutLocks.matchAll(/[A-Za-z_]\w*/g)]
    .slice(1)
    .filter(([word]) => writing.has(word.toLowerCase()))
    .map(({ 0: word, index }) => ({
      offset: index,
      message: `${word.toUpperCase()} writes; a check only reads (a column of that name is written in double quotes)`,
    }));
}

/** A placeholder in quotes would be text, and no value. */
function hiddenFaults(query: string, code: string): QueryFault[] {
  return [...query.matchAll(/\{\{[^{}]*\}\}/g)]
    .filter(({ 0: found, index }) => code.slice(index, index + found.length) !== found)
    .map(({ 0: found, index }) => ({
      offset: index,
      message: `${found} stands in quotes or a comment; it is a value of its own: write it without`,
    }));
}

function matches(bare: string, form: RegExp, words: (found: string) => string): QueryFault[] {
  return [...bare.matchAll(form)].map(({ 0: found, index }) => ({
    offset: index,
    message: words(found),
  }));
}

/** A query with its values apart: nothing that a shop or a person wrote becomes SQL. Pure. */
export function boundQuery(
  query: string,
  values: Values,
): { text: string; values: (string | readonly string[] | null)[] } {
  const names = [...new Set(namesIn(query))];
  const text = replaced(query, (name) => `$${names.indexOf(name) + 1}`);
  return {
    text: text.trim().replace(/;$/, ''),
    values: names.map((name) => values.get(name) ?? null),
  };
}
