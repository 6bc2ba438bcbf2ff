import { Option } from 'commander';
import { apiCommand, listCommand } from '../api-command.js';
import type { Noun } from '../command.js';
import { text, time, valueAt, wordsOf } from '../output/column.js';

export const person: Noun = {
  name: 'person',
  summary: 'who may come in: persons and services (needs the role admin)',
  commands: [
    listCommand({
      usage: 'list',
      summary: 'everybody, also those whose access was ended',
      examples: ['person list'],
      request: { method: 'GET', path: '/persons' },
      columns: [
        text('name', 'name'),
        text('kind', 'kind'),
        text('e-mail', 'email'),
        time('since', 'createdAt'),
        time('disabled', 'disabledAt'),
        text('id', 'id'),
      ],
      empty: 'Nobody.',
    }),
    apiCommand({
      usage: 'add <name>',
      summary: 'add a person, or a service such as a build server',
      description:
        'Afterwards give them a token: reinstate token issue <id> --role ... --label ...',
      examples: [
        'person add "Vera Novak" --email vera@example.org',
        'person add ci --kind service',
      ],
      options: [
        new Option('--kind <kind>', 'what it is').choices(['person', 'service']).default('person'),
        new Option('--email <address>', 'where the person can be written to'),
      ],
      request: {
        method: 'POST',
        path: '/persons',
        body: ['kind', 'email'],
        bodyOf: ({ args }) => ({ name: args['name'] }),
      },
      view: {
        kind: 'said',
        words: (answer) =>
          `${wordsOf(valueAt(answer, 'name'))} is added: ${wordsOf(valueAt(answer, 'id'))}`,
      },
    }),
    apiCommand({
      usage: 'disable <person>',
      summary: 'end all access of a person at once; what they did stays',
      examples: ['person disable 0198c5b2-7e1f-7c3a-9d21-5f0f6c1c2b11'],
      request: { method: 'DELETE', path: '/persons/{person}' },
      view: { kind: 'said', words: () => 'All access of this person has ended.' },
    }),
  ],
};
