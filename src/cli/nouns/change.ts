import { Option } from 'commander';
import { apiCommand, listCommand } from '../api-command.js';
import type { Noun } from '../command.js';
import { momentOption } from '../options.js';
import { text, time, timeInWords, valueAt, wordsOf } from '../output/column.js';

const kinds = ['deploy', 'configuration', 'schedule', 'data', 'action', 'other'];

export const change: Noun = {
  name: 'change',
  summary: 'deploys, settings and actions that may have caused what follows',
  commands: [
    apiCommand({
      usage: 'add <what>',
      summary: 'tell of a change (needs the role ingest)',
      examples: [
        'change add "checkout 8.4.1" --kind deploy --shop main --link https://ci.example.org/builds/731',
        'change add "unpaid-orders job now runs every minute" --kind schedule --at 2h',
      ],
      options: [
        new Option('--kind <kind>', 'what kind of change').choices(kinds),
        new Option('--shop <shop>', 'the shop that it concerns (all unless given)'),
        new Option('--where <where>', 'system, service or host'),
        new Option('--who <who>', 'who did it (the caller unless given)'),
        new Option('--link <url>', 'where more stands about it'),
        momentOption('--at <time>', 'when it was'),
      ],
      request: {
        method: 'POST',
        path: '/changes',
        body: ['kind', 'shop', 'where', 'who', 'link', 'at'],
        bodyOf: ({ args }) => ({ what: args['what'] }),
      },
      view: {
        kind: 'said',
        columns: [text('what', 'what'), time('at', 'at')],
        words: (answer) =>
          `Noted: ${wordsOf(valueAt(answer, 'what'))} at ${timeInWords(valueAt(answer, 'at'))}`,
      },
    }),
    listCommand({
      usage: 'list',
      summary: 'changes, newest first',
      examples: ['change list', 'change list --shop main --limit 10'],
      options: [new Option('--shop <shop>', 'only of this shop')],
      request: { method: 'GET', path: '/changes', query: ['shop'] },
      columns: [
        time('at', 'at'),
        text('kind', 'kind'),
        text('shop', 'shopId'),
        text('what', 'what'),
        text('where', 'where'),
        text('who', 'who'),
        text('link', 'link'),
      ],
      empty: 'No change was told of.',
    }),
  ],
};
