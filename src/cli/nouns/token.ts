import { Option } from 'commander';
import { apiCommand, listCommand } from '../api-command.js';
import type { Noun } from '../command.js';
import { numberOption, required } from '../options.js';
import { text, time, valueAt, wordsOf } from '../output/column.js';

const roles = ['viewer', 'responder', 'approver', 'admin', 'ingest', 'metrics'];

export const token: Noun = {
  name: 'token',
  summary: 'by what persons and services come in (needs the role admin)',
  commands: [
    listCommand({
      usage: 'list <person>',
      summary: 'tokens of a person, without their secrets',
      examples: ['token list 0198c5b2-7e1f-7c3a-9d21-5f0f6c1c2b11'],
      request: { method: 'GET', path: '/persons/{person}/tokens' },
      columns: [
        text('label', 'label'),
        text('role', 'role'),
        time('issued', 'createdAt'),
        time('expires', 'expiresAt'),
        time('revoked', 'revokedAt'),
        time('last used', 'lastUsedAt'),
        text('id', 'id'),
      ],
      empty: 'This person has no token.',
    }),
    apiCommand({
      usage: 'issue <person>',
      summary: 'issue a token; its secret is told only now',
      description: 'The secret alone goes to stdout, so that it can be piped into a file.',
      examples: [
        'token issue 0198c5b2-7e1f-7c3a-9d21-5f0f6c1c2b11 --role responder --label laptop',
        'token issue 0198c5b2-7e1f-7c3a-9d21-5f0f6c1c2b11 --role metrics --label prometheus --days 366 > token',
      ],
      options: [
        required(new Option('--role <role>', 'what it may do').choices(roles)),
        required(
          new Option('--label <label>', 'what it is for, so that it can be told from others'),
        ),
        numberOption('--days <days>', 'how long it is good (the service gives 90 unless told)'),
      ],
      request: {
        method: 'POST',
        path: '/persons/{person}/tokens',
        body: ['role', 'label', 'days'],
      },
      view: { kind: 'said', words: (answer) => wordsOf(valueAt(answer, 'secret')) },
    }),
    apiCommand({
      usage: 'revoke <person> <token>',
      summary: 'end a token at once',
      examples: [
        'token revoke 0198c5b2-7e1f-7c3a-9d21-5f0f6c1c2b11 0198c5b3-1a2b-7c3d-8e4f-5a6b7c8d9e0f',
      ],
      request: { method: 'DELETE', path: '/persons/{person}/tokens/{token}' },
      view: { kind: 'said', words: () => 'The token is revoked.' },
    }),
  ],
};
