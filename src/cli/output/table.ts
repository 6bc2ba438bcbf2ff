import { nothing, type Column } from './column.js';
import { padded, widthOf } from './text.js';

/** Items as aligned lines under the columns' titles. */
export function tableOf(items: readonly unknown[], columns: readonly Column[]): string {
  const rows = [
    columns.map(({ title }) => title.toUpperCase()),
    ...items.map((item) => columns.map((column) => column.show(item))),
  ];
  const widths = columns.map((_, index) =>
    Math.max(...rows.map((row) => widthOf(row[index] ?? ''))),
  );
  return rows
    .map((row) => row.map((cell, index) => padded(cell, widths[index] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** One item as lines of name and value; what is not there is left out. */
export function recordOf(item: unknown, columns: readonly Column[]): string {
  const lines = columns
    .map((column) => ({ title: column.title, value: column.show(item) }))
    .filter(({ value }) => value !== nothing);
  const width = Math.max(...lines.map(({ title }) => widthOf(title)));
  return lines.map(({ title, value }) => `${padded(title, width)}  ${value}`).join('\n');
}
