import { moneyInWords, nothing, valueAt, wordsOf } from './column.js';

/** `paid -> cancelled`; a status that did not change is told once. */
export function changeInWords(before: unknown, after: unknown): string {
  return before === after ? wordsOf(after) : `${wordsOf(before)} -> ${wordsOf(after)}`;
}

/** Who did it: `job "unpaid-orders"`, or `nobody known`. */
export function actorInWords(kind: unknown, actor: unknown): string {
  if (kind === 'unknown') return actor === null ? 'nobody known' : `"${wordsOf(actor)}"`;
  return actor === null || actor === undefined
    ? wordsOf(kind)
    : `${wordsOf(kind)} "${wordsOf(actor)}"`;
}

/** Counts by name, without those that are nought: `3 open, 7 restored`. */
export function countsInWords(counts: unknown): string {
  if (typeof counts !== 'object' || counts === null) return nothing;
  const parts = Object.entries(counts)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `${wordsOf(count)} ${name}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** `12.5 MB`; bytes of a log, where a rough size is what one wants to know. */
export function bytesInWords(bytes: unknown): string {
  if (typeof bytes !== 'number') return nothing;
  if (bytes < 1_000) return `${bytes} bytes`;
  const unit = ['kB', 'MB', 'GB', 'TB'].findIndex((_, index) => bytes < 1_000 ** (index + 2));
  const power = unit < 0 ? 4 : unit + 1;
  return `${(bytes / 1_000 ** power).toFixed(1)} ${['kB', 'MB', 'GB', 'TB'][power - 1] ?? 'TB'}`;
}

const countWords: Readonly<Record<string, string>> = {
  orders: 'orders',
  reopen: 'to set back',
  person: 'for a person',
  restored: 'restored',
  closed: 'closed',
};

/** The step, or the runbook where the entry is about a run as a whole. */
function runbookPart(data: unknown): string | undefined {
  const [named] = ['step', 'runbook'].map((name) => valueAt(data, name)).filter(Boolean);
  return named === undefined ? undefined : wordsOf(named);
}

/** What a timeline entry tells beside its type. */
export function timelineInWords(data: unknown): string {
  const at = (name: string) => valueAt(data, name);
  const textAt = (name: string) => (typeof at(name) === 'string' ? wordsOf(at(name)) : undefined);
  const order = textAt('orderNumber') ?? textAt('orderId');
  const sentence = textAt('line') ?? textAt('summary') ?? textAt('text') ?? textAt('words');
  const counts = Object.entries(countWords)
    .filter(([name]) => typeof at(name) === 'number')
    .map(([name, words]) => `${wordsOf(at(name))} ${words}`);
  const parts = [
    order && `order ${order}`,
    runbookPart(data),
    at('planNumber') === undefined ? undefined : `plan ${wordsOf(at('planNumber'))}`,
    at('from') === undefined ? textAt('verdict') : changeInWords(at('from'), at('to')),
    textAt('assignee'),
    textAt('receiver') && `to ${wordsOf(at('receiver'))}`,
    at('fromMinor') === undefined
      ? undefined
      : changeInWords(
          moneyInWords(at('fromMinor'), at('currency')),
          moneyInWords(at('toMinor'), at('currency')),
        ),
    textAt('outcome'),
    textAt('policy'),
    sentence,
    sentence === undefined && counts.length > 0 ? counts.join(', ') : undefined,
    at('counts') === undefined ? undefined : countsInWords(at('counts')),
    textAt('reason') && `(${wordsOf(at('reason'))})`,
    textAt('override') && `(all the same: ${wordsOf(at('override'))})`,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}
