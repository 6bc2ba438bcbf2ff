import { Option } from 'commander';
import { apiCommand, listCommand } from '../api-command.js';
import { filterOf, filterOptions } from '../cancellation-filter.js';
import type { Noun } from '../command.js';
import { momentOption, numberOption, required } from '../options.js';
import { text, time, timeInWords, valueAt, wordsOf } from '../output/column.js';

export const announce: Noun = {
  name: 'announce',
  summary: 'bulk cancels that are planned: what falls under one is intended',
  commands: [
    apiCommand({
      usage: 'create <shop>',
      summary: 'announce a bulk cancel before it is made',
      description:
        'It counts from now on, never for what went before. More cancellations than the greatest count are not covered.',
      examples: [
        'announce create main --starts-at now --ends-at +2h --greatest-count 200 --reason "recall of lamp 17" --actor warehouse-bot',
        'announce create main --starts-at 2026-11-22T20:00:00Z --ends-at 2026-11-22T22:00:00Z --greatest-count 40 --reason "fraud sweep" --actor-kind staff --attribute channel=web',
      ],
      options: [
        required(momentOption('--starts-at <time>', 'from when on')),
        required(momentOption('--ends-at <time>', 'until when')),
        required(numberOption('--greatest-count <number>', 'how many orders at most')),
        required(new Option('--reason <reason>', 'why')),
        ...filterOptions,
      ],
      request: {
        method: 'POST',
        path: '/announcements',
        body: ['startsAt', 'endsAt', 'greatestCount', 'reason'],
        bodyOf: (context) => ({ shop: context.args['shop'], filter: filterOf(context) }),
      },
      view: {
        kind: 'said',
        columns: [text('id', 'id'), time('starts', 'startsAt'), time('ends', 'endsAt')],
        words: (answer) =>
          `Announced from ${timeInWords(valueAt(answer, 'startsAt'))} to ${timeInWords(valueAt(answer, 'endsAt'))}: ${wordsOf(valueAt(answer, 'id'))}`,
      },
    }),
    listCommand({
      usage: 'list',
      summary: 'announced bulk cancels, newest first',
      examples: ['announce list --shop main'],
      options: [new Option('--shop <shop>', 'only of this shop')],
      request: { method: 'GET', path: '/announcements', query: ['shop'] },
      columns: [
        time('starts', 'startsAt'),
        time('ends', 'endsAt'),
        text('shop', 'shopId'),
        text('at most', 'greatestCount'),
        text('which', 'filter'),
        text('why', 'reason'),
        time('withdrawn', 'withdrawnAt'),
        text('id', 'id'),
      ],
      empty: 'No bulk cancel was announced.',
    }),
    apiCommand({
      usage: 'withdraw <announcement>',
      summary: 'withdraw one from now on; what it covered stays covered',
      examples: ['announce withdraw 0198c5b2-7e1f-7c3a-9d21-5f0f6c1c2b11'],
      request: { method: 'DELETE', path: '/announcements/{announcement}' },
      view: { kind: 'said', words: () => 'It is withdrawn: from now on it covers nothing.' },
    }),
  ],
};
