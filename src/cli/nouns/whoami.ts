import { apiCommand } from '../api-command.js';
import type { Noun } from '../command.js';
import { text } from '../output/column.js';

export const whoami: Noun = {
  name: 'whoami',
  summary: 'whose token this is, and what it may do',
  commands: [
    apiCommand({
      usage: '',
      summary: 'whose token this is, and what it may do',
      examples: ['whoami', 'whoami --json'],
      request: { method: 'GET', path: '/persons/me' },
      view: {
        kind: 'record',
        columns: [
          text('name', 'name'),
          text('kind', 'kind'),
          text('role', 'role'),
          text('person', 'personId'),
          text('token', 'tokenId'),
        ],
      },
    }),
  ],
};
