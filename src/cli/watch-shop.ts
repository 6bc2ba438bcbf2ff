import type { CommandContext } from './command.js';
import { eventsOf } from './event-stream.js';
import { CliFailure, exitCodes, refused } from './failures.js';
import { textOf } from './options.js';
import { valueAt, wordsOf } from './output/column.js';

const secondsEach: Readonly<Record<string, number>> = { s: 1, m: 60 };

/** `90s` or `2m`, in seconds. */
export function secondsOf(text: string): number {
  const [, number, unit] = /^(\d+)(s|m)$/.exec(text.trim()) ?? [];
  if (number === undefined)
    throw new CliFailure(exitCodes.usage, `--for is a time such as 90s or 2m, not "${text}"`);
  return Number(number) * (secondsEach[unit ?? ''] ?? 1);
}

/** Has the service watch a shop, and tells how far it is; gives what was seen. Ctrl-C ends both. */
export async function watchShop(context: CommandContext): Promise<unknown> {
  const { api, args, out, options } = context;
  const stream = api.stream({
    method: 'GET',
    path: `/shops/${encodeURIComponent(args['shop'] ?? '')}/observation/events`,
    query: { seconds: secondsOf(textOf(options['for']) ?? '2m') },
    headers: { accept: 'text/event-stream' },
  });
  for await (const event of eventsOf(stream)) {
    if (event.event === 'error') throw refused(`the service broke off: ${wordsOf(event.data)}`);
    const data: unknown = JSON.parse(event.data);
    if (event.event === 'end') return data;
    if (event.event === 'progress' && !out.json) out.line(progressWords(data));
  }
  throw refused('the service ended before it had seen enough; ask again');
}

function progressWords(data: unknown): string {
  const [left, transactions, together] = ['secondsLeft', 'transactions', 'together'].map((name) =>
    wordsOf(valueAt(data, name)),
  );
  return `${left} s to go: ${transactions} transactions with mapped tables seen, and ${together} unmapped tables in them`;
}

/** What was seen, in lines. */
export function observationInWords(seen: unknown): string[] {
  const lists = (name: string): unknown[] => {
    const list = valueAt(seen, name);
    return Array.isArray(list) ? list : [];
  };
  const unmapped = lists('unmapped');
  const isTogether = (table: unknown) => Number(valueAt(table, 'together')) > 0;
  const apart = unmapped.filter((table) => !isTogether(table));
  return [
    `\nWatched for ${wordsOf(valueAt(seen, 'seconds'))} s: ${wordsOf(valueAt(seen, 'transactions'))} transactions that wrote mapped tables were seen.`,
    ...section(
      'Not mapped, and written in the same transactions',
      unmapped.filter(isTogether),
      togetherWords,
    ),
    ...section('Triggers that would do again what a restore does', lists('triggers'), triggerWords),
    ...section('Written meanwhile, and not seen in those transactions', apart, apartWords),
  ];
}

function section(
  title: string,
  list: readonly unknown[],
  words: (one: unknown) => string,
): string[] {
  return [
    `\n${title}:`,
    ...(list.length === 0 ? ['  none'] : list.map((one) => `  ${words(one)}`)),
  ];
}

function togetherWords(table: unknown): string {
  const tables = valueAt(table, 'with');
  const mapped = Array.isArray(tables) ? tables.map(String).join(', ') : '';
  return `${wordsOf(valueAt(table, 'table'))}: ${wordsOf(valueAt(table, 'together'))} times, with ${mapped}${countsWords(table)}`;
}

function apartWords(table: unknown): string {
  const readable = valueAt(table, 'readable') === true ? '' : '; the read role may not look at it';
  return `${wordsOf(valueAt(table, 'table'))}${countsWords(table)}${readable}`;
}

function countsWords(table: unknown): string {
  const counts = ['inserted', 'updated', 'deleted']
    .map((kind) => ({ kind, rows: Number(valueAt(table, kind)) }))
    .filter(({ rows }) => rows > 0)
    .map(({ kind, rows }) => `${rows} ${kind}`);
  return counts.length === 0 ? '' : ` (rows: ${counts.join(', ')})`;
}

function triggerWords(trigger: unknown): string {
  const of = (name: string) => wordsOf(valueAt(trigger, name));
  const fired = `it fires for ${of('fired')} of the rows written meanwhile`;
  if (valueAt(trigger, 'writes') === null)
    return `${of('trigger')} on ${of('table')}: its text does not tell what it writes; ${fired}`;
  const seen = `both were written in ${of('together')} of the transactions`;
  return `${of('trigger')} on ${of('table')} writes ${of('writes')}, a ${of('restores')} of the profile; ${seen}; ${fired}`;
}
