/**
 * Many JSON texts as one parameter of a statement, a line each: JSON has no line break outside of its `\\n`. As an
 * array of PostgreSQL's, each quotation mark in them would be escaped here and read again there.
 */
export function inLines(texts: readonly string[]): string {
  return texts.join('\n');
}

/** The texts again, as SQL for a text[]; those that are `null` are NULL. There must be at least one. */
export function linesOf(parameter: string): string {
  return `string_to_array(${parameter}, chr(10), 'null')`;
}
