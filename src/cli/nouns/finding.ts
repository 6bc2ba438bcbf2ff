import { Option } from 'commander';
import { listCommand } from '../api-command.js';
import type { Noun } from '../command.js';
import { text, time } from '../output/column.js';

export const finding: Noun = {
  name: 'finding',
  summary: 'what the detectors saw',
  commands: [
    listCommand({
      usage: 'list',
      summary: 'findings, newest first',
      examples: ['finding list --state live', 'finding list --shop main --all --json'],
      options: [
        new Option('--shop <shop>', 'only of this shop'),
        new Option('--state <state>', 'only those that go on, or those that ended').choices([
          'live',
          'closed',
        ]),
      ],
      request: { method: 'GET', path: '/findings', query: ['shop', 'state'] },
      columns: [
        time('found', 'foundAt'),
        text('state', 'state'),
        text('shop', 'shopId'),
        time('last event', 'lastEventAt'),
        text('what', 'sentence'),
      ],
      empty: 'The detectors saw nothing.',
    }),
  ],
};
