import { Option } from 'commander';
import { apiCommand, listCommand } from '../api-command.js';
import type { Command, CommandContext, Noun } from '../command.js';
import { pairsOption, required, textOf } from '../options.js';
import { said, text, time, type Column } from '../output/column.js';

const runColumns: readonly Column[] = [
  text('run', 'number'),
  text('runbook', 'runbook'),
  said('does', 'dryRun', (dry) => (dry === true ? 'nothing (dry)' : 'its steps')),
  text('state', 'state'),
  text('at', 'step'),
  text('waits for', 'waitsFor'),
  text('what', 'words'),
  text('for', 'actsFor'),
  time('started', 'startedAt'),
  time('ended', 'endedAt'),
  text('id', 'id'),
];

const stepColumns: readonly Column[] = [
  text('step', 'name'),
  text('kind', 'kind'),
  text('state', 'state'),
  text('waits for', 'waitsFor'),
  text('reason', 'reason'),
  text('what', 'words', 'title'),
  time('ended', 'endedAt'),
];

const view = {
  kind: 'record',
  columns: [...runColumns, text('text', 'textHash')],
  lists: [{ field: 'steps', title: 'Steps', columns: stepColumns }],
} as const;

/** A command that changes a run, and shows it afterwards. */
const change = (given: {
  verb: string;
  usage?: string;
  summary: string;
  description?: string;
  examples: readonly string[];
  options: readonly Option[];
  body?: readonly string[];
  bodyOf?: (context: CommandContext) => Record<string, unknown>;
}): Command => {
  const { verb, usage, body, bodyOf, ...parts } = given;
  return apiCommand({
    ...parts,
    usage: usage ?? `${verb} <runbookRun>`,
    request: {
      method: 'POST',
      path: `/runbook-runs/{runbookRun}/${verb}`,
      ...(body && { body }),
      ...(bodyOf && { bodyOf }),
    },
    view,
  });
};

const looking: readonly Command[] = [
  listCommand({
    usage: 'list <incident>',
    summary: 'the runbook runs of an incident, newest first',
    examples: ['runbook-run list 1'],
    request: { method: 'GET', path: '/incidents/{incident}/runbook-runs' },
    columns: runColumns,
    empty: 'No runbook was run for this incident.',
  }),
  apiCommand({
    usage: 'show <runbookRun>',
    summary: 'one run with its steps, by its number or id',
    examples: ['runbook-run show 2'],
    request: { method: 'GET', path: '/runbook-runs/{runbookRun}' },
    view,
  }),
];

const acting: readonly Command[] = [
  apiCommand({
    usage: 'start <incident> <runbook>',
    summary: 'work through a runbook for an incident',
    description:
      'It is pinned to the text as it is now. With --dry-run it goes through all steps at once and says what each would do: it writes and posts nothing, and takes what you assume for the answers.',
    examples: [
      'runbook-run start 1 WrongfulCancellations --dry-run --assume meant=no',
      'runbook-run start 1 WrongfulCancellations',
    ],
    options: [
      new Option('--dry-run', 'say what each step would do, and do nothing'),
      pairsOption('--assume <question=answer>', 'for a dry run: the answer to a question'),
    ],
    request: {
      method: 'POST',
      path: '/incidents/{incident}/runbook-runs',
      body: ['dryRun'],
      bodyOf: ({ args, options }) => ({
        runbook: args['runbook'],
        ...(options['assume'] !== undefined && { assumptions: options['assume'] }),
      }),
    },
    view,
  }),
  change({
    verb: 'answer',
    usage: 'answer <runbookRun> <step> <answer>',
    summary: 'answer the question that it waits for, or decide about its plan',
    description:
      'For an approval the answer is approved or rejected, with the whole hash of the plan that you looked at (plan show tells it): it is the same vote as plan approve, and another person has to give it than the one for whom the run acts.',
    examples: [
      'runbook-run answer 2 cause-stopped yes --reason "job switched off"',
      'runbook-run answer 2 approval approved --plan-hash 3fa94b21...',
    ],
    options: [
      new Option('--plan-hash <hash>', 'for an approval: the hash of the plan you looked at'),
      new Option('--reason <reason>', 'why, for the timeline'),
    ],
    body: ['planHash', 'reason'],
    bodyOf: ({ args }) => ({ step: args['step'], answer: args['answer'] }),
  }),
  change({
    verb: 'pause',
    summary: 'begin no further step until it is resumed',
    examples: ['runbook-run pause 2'],
    options: [new Option('--reason <reason>', 'why, for the timeline')],
    body: ['reason'],
  }),
  change({
    verb: 'resume',
    summary: 'go on with a paused or stopped run, from now on for you',
    examples: ['runbook-run resume 2', 'runbook-run resume 2 --from plan'],
    options: [new Option('--from <step>', 'do this step and all that follow it anew')],
    bodyOf: ({ options }) => ({ from: textOf(options['from']) ?? null }),
  }),
  change({
    verb: 'abort',
    summary: 'end a run; what its steps have done stays done',
    examples: ['runbook-run abort 2 --reason "done by hand"'],
    options: [required(new Option('--reason <reason>', 'why, for the timeline'))],
    body: ['reason'],
  }),
];

export const runbookRun: Noun = {
  name: 'runbook-run',
  summary: 'runbooks at work: start, answer, pause, resume, abort',
  commands: [...looking, ...acting],
};
