import { Option } from 'commander';
import { listCommand } from '../api-command.js';
import type { Noun } from '../command.js';
import {
  listed,
  text,
  time,
  timeInWords,
  valueAt,
  wordsOf,
  type Column,
} from '../output/column.js';

/** `chat: delivered`, or `mail: pending (receiver-error: SMTP 451), 3 attempts, next 2026-11-22 03:00:00`. */
function deliveryInWords(delivery: unknown): string {
  const at = (name: string) => valueAt(delivery, name);
  const outcome = typeof at('outcome') === 'string' ? ` (${wordsOf(at('outcome'))})` : '';
  const attempts = at('attempts') === 1 ? '' : `, ${wordsOf(at('attempts'))} attempts`;
  const next = at('nextAttemptAt') === null ? '' : `, next ${timeInWords(at('nextAttemptAt'))}`;
  return `${wordsOf(at('receiver'))}: ${wordsOf(at('state'))}${outcome}${attempts}${next}`;
}

export const sentPageColumns: readonly Column[] = [
  time('at', 'createdAt'),
  text('severity', 'severity'),
  text('kind', 'kind'),
  listed('receivers', 'deliveries', deliveryInWords),
  text('what', 'firstLine'),
];

export const page: Noun = {
  name: 'page',
  summary: 'messages to the people on call',
  commands: [
    listCommand({
      usage: 'list',
      summary: 'messages to the people on call, newest first, and whether they arrived',
      examples: ['page list --state failed'],
      options: [
        new Option('--state <state>', 'only those with a delivery in this state').choices([
          'pending',
          'delivered',
          'failed',
        ]),
      ],
      request: { method: 'GET', path: '/pages', query: ['state'] },
      columns: sentPageColumns,
      empty: 'Nobody was paged.',
    }),
  ],
};
