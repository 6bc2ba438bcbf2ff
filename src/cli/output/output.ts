import type { Column } from './column.js';
import { recordOf, tableOf } from './table.js';

/** Where a command's answer goes: to people in words, to programs (`--json`) as the API gave it. */
export class Output {
  constructor(
    private readonly write: (text: string) => void,
    readonly json: boolean,
  ) {}

  /** A list. */
  table(items: readonly unknown[], show: { columns: readonly Column[]; empty: string }): void {
    this.line(items.length === 0 ? show.empty : tableOf(items, show.columns));
  }

  /** One thing. */
  record(item: unknown, columns: readonly Column[]): void {
    this.line(recordOf(item, columns));
  }

  /** The API's answer. */
  answer(value: unknown): void {
    if (value !== undefined) this.line(JSON.stringify(value, null, 2));
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  /** Text that is meant for a program as it is. */
  raw(text: string): void {
    this.write(text.endsWith('\n') ? text : `${text}\n`);
  }
}
