import type { BenchRun, Result, Spread } from './figure.js';

/** All results as a table for people: a figure a line, its reference, ratio and aims beside it. Pure. */
export function tableOf({ results }: Pick<BenchRun, 'results'>): string {
  const rows = results.map((result) => [
    `${result.title} (${result.unit})`,
    spreadWords(result.measured),
    `${spreadWords(result.reference)} ${result.reference.words}`,
    spreadWords(result.ratio),
    result.aims.map(aimWords).join('; '),
  ]);
  return markdownTable(['figure', 'measured', 'reference', 'ratio', 'aim'], rows);
}

function aimWords({ words, held }: Result['aims'][number]): string {
  if (held === null) return words;
  return `${words}: ${held ? 'held' : 'not held'}`;
}

function spreadWords({ value, lowest, highest }: Spread): string {
  if (lowest === highest) return numberWords(value);
  return `${numberWords(value)} (${numberWords(lowest)} to ${numberWords(highest)})`;
}

/** Three digits that count, whole from a hundred on. */
export function numberWords(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
