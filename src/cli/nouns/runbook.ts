import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { listCommand, requestOf, textCommand } from '../api-command.js';
import type { Command, CommandContext, Noun } from '../command.js';
import { refused, usageFailure } from '../failures.js';
import { listed, said, text, valueAt, wordsOf, type Column } from '../output/column.js';
import { messageOf } from '../../platform/errors.js';

const runbookColumns: readonly Column[] = [
  text('runbook', 'name'),
  listed('steps', 'steps', (step) => wordsOf(valueAt(step, 'name'))),
  said('faults', 'faults', (faults) => (Array.isArray(faults) ? String(faults.length) : '')),
  said('hash', 'textHash', (hash) => wordsOf(hash).slice(0, 12)),
];

const lintRequest = {
  method: 'POST',
  path: '/runbooks/lint',
  bodyOf: async ({ args }: CommandContext) => {
    const file = args['file'] ?? '';
    return { name: basename(file).replace(/\.md$/, ''), text: await textOfFile(file) };
  },
} as const;

async function textOfFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw usageFailure(`cannot read ${file} (${messageOf(error)})`);
  }
}

/** One line per fault, as compilers write them. */
function faultsInWords(answer: unknown, file: string): string[] {
  const faults = valueAt(answer, 'faults');
  return (Array.isArray(faults) ? faults : []).map((fault: unknown) => {
    const field = valueAt(fault, 'field');
    const place = field === '' ? '' : ` ${wordsOf(field)}`;
    return `${file}:${wordsOf(valueAt(fault, 'line'))}:${place} ${wordsOf(valueAt(fault, 'message'))}`;
  });
}

const lintColumns: readonly Column[] = [
  text('line', 'faults.line'),
  text('field', 'faults.field'),
  text('fault', 'faults.message'),
];

/** Shows the answer, and fails where there are faults: a script must not go on with such a runbook. */
const lint: Command = {
  usage: 'lint <file>',
  summary: 'all that is wrong with a runbook’s text, by line',
  description:
    'Judged by the hosts that the service’s configuration allows. Ends with 1 where there are faults.',
  examples: ['runbook lint runbooks/WrongfulCancellations.md'],
  options: [],
  requests: [{ request: lintRequest, columns: lintColumns }],
  run: async (context) => {
    const answer = await context.api.json(await requestOf(lintRequest, context));
    const faults = faultsInWords(answer, context.args['file'] ?? '');
    if (context.out.json) context.out.answer(answer);
    else if (faults.length === 0) context.out.line('No faults.');
    else for (const fault of faults) context.out.line(fault);
    if (faults.length > 0) throw refused(`the runbook has ${faults.length} fault(s)`);
  },
};

export const runbook: Noun = {
  name: 'runbook',
  summary: 'runbooks: what to do about an alert, for people and for the engine',
  commands: [
    listCommand({
      usage: 'list',
      summary: 'runbooks by name, with their steps',
      examples: ['runbook list'],
      request: { method: 'GET', path: '/runbooks' },
      columns: runbookColumns,
      empty: 'No runbooks.',
    }),
    textCommand({
      usage: 'show <runbook>',
      summary: 'one runbook, as Markdown',
      examples: ['runbook show WrongfulCancellations'],
      request: { method: 'GET', path: '/runbooks/{runbook}' },
    }),
    lint,
  ],
};
