import type { Column } from './column.js';
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

/** One item as lines of name and value. */
export function recordOf(item: unknown, columns: readonly Column[]): string {
  const width = Math.max(...columns.map(({ title }) => widthOf(title)));
  return columns.map((column) => `${padded(column.title, width)}  ${column.show(item)}`).join('\n');
}
