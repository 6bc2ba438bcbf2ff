/** Strings and comments, in which nothing is a name; then quoted names; then names and words. */
const pieces =
  /\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|"((?:[^"]|"")*)"|([\p{L}_][\p{L}\p{N}_$]*)/gu;

/** All names that a piece of SQL has in it, as PostgreSQL reads them: unquoted ones in lower case. */
export function namesInSql(sql: string): Set<string> {
  const names = new Set<string>();
  for (const [, , quoted, plain] of sql.matchAll(pieces)) {
    if (quoted !== undefined) names.add(quoted.replaceAll('""', '"'));
    else if (plain !== undefined) names.add(plain.toLowerCase());
  }
  return names;
}
