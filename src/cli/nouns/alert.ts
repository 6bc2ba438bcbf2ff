import { Option } from 'commander';
import { listCommand } from '../api-command.js';
import type { Noun } from '../command.js';
import { text, time } from '../output/column.js';

export const alert: Noun = {
  name: 'alert',
  summary: "findings, and faults of a shop's stream, that page somebody",
  commands: [
    listCommand({
      usage: 'list',
      summary: 'alerts, newest first',
      examples: ['alert list --state firing'],
      options: [
        new Option('--shop <shop>', 'only of this shop'),
        new Option('--state <state>', 'only such ones').choices(['firing', 'resolved']),
      ],
      request: { method: 'GET', path: '/alerts', query: ['shop', 'state'] },
      columns: [
        time('since', 'startsAt'),
        text('state', 'state'),
        text('shop', 'shopId'),
        text('alert', 'name'),
        time('until', 'endsAt'),
        text('what', 'annotations.summary'),
      ],
      empty: 'No alerts.',
    }),
  ],
};
