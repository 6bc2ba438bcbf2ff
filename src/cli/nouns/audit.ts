import { Option } from 'commander';
import { listCommand } from '../api-command.js';
import type { Noun } from '../command.js';
import { said, text, time, wordsOf } from '../output/column.js';

export const audit: Noun = {
  name: 'audit',
  summary: 'who changed what (needs the role admin)',
  commands: [
    listCommand({
      usage: 'list',
      summary: 'changes that people and Reinstate itself made, newest first',
      examples: ['audit list', 'audit list --subject-kind incident --all --json'],
      options: [
        new Option(
          '--subject-kind <kind>',
          'only of such things: person, shop, incident, plan ...',
        ),
        new Option('--subject-id <id>', 'only of this one'),
      ],
      request: { method: 'GET', path: '/audit', query: ['subjectKind', 'subjectId'] },
      columns: [
        time('at', 'at'),
        said('who', 'person', (name) => (name === null ? '(Reinstate)' : wordsOf(name))),
        text('did', 'action'),
        text('to', 'subjectKind'),
        text('id', 'subjectId'),
        text('with', 'data'),
      ],
      empty: 'Nothing was changed.',
    }),
  ],
};
