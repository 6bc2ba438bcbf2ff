import { Option } from 'commander';
import { apiCommand, listCommand } from '../api-command.js';
import type { Command, CommandContext, Noun } from '../command.js';
import { required, textOf } from '../options.js';
import { said, text, time, type Column } from '../output/column.js';
import { countsInWords } from '../output/words.js';
import { runItemId } from '../references.js';
import { watchRun } from '../watch-run.js';
import { planColumns } from './plan.js';

const stages = ['one order first', 'ten more', 'the rest'];

const runColumns: readonly Column[] = [
  text('does', 'action'),
  text('state', 'state'),
  said('stage', 'stage', (stage) => stages[Number(stage)] ?? ''),
  said('orders', 'items', countsInWords),
  text('stopped for', 'stopReason'),
  text('waits for', 'waitsFor'),
  time('started', 'startedAt'),
  time('ended', 'endedAt'),
  text('id', 'id'),
];

const runRecord: readonly Column[] = [
  ...runColumns,
  text('shop', 'shopId'),
  text('plan', 'planId'),
  text('by hand', 'byHand'),
  text('bleeding overridden', 'bleedingOverride'),
];

const view = { kind: 'record', columns: runRecord } as const;

const overrideOption = () =>
  new Option(
    '--override-bleeding <reason>',
    'although matching cancellations still arrive (needs the role approver; pages)',
  );

function overrideOf({ options }: CommandContext): Record<string, unknown> {
  const reason = textOf(options['overrideBleeding']);
  return reason === undefined ? {} : { overrideBleeding: { reason } };
}

const itemColumns: readonly Column[] = [
  text('order', 'orderNumber', 'orderId'),
  text('state', 'state'),
  text('reason', 'reason'),
  text('attempts', 'attempts'),
  time('written', 'appliedAt'),
  time('verified', 'verifiedAt'),
  text('details', 'detail'),
];

const looking: readonly Command[] = [
  listCommand({
    usage: 'list <incident>',
    summary: 'the restore runs of an incident, newest first',
    examples: ['run list 1'],
    request: { method: 'GET', path: '/incidents/{incident}/restore-runs' },
    columns: runColumns,
    empty: 'Nothing was run for this incident.',
  }),
  apiCommand({
    usage: 'show <run>',
    summary: 'one run, by its id or the number of its plan',
    examples: ['run show 4'],
    request: { method: 'GET', path: '/restore-runs/{run}' },
    view,
  }),
  listCommand({
    usage: 'items <run>',
    summary: 'the orders of a run, each with how far it is',
    examples: ['run items 4', 'run items 4 --state failed,refused'],
    options: [new Option('--state <states>', 'only such ones: pending, verified, refused ...')],
    request: { method: 'GET', path: '/restore-runs/{run}/items', query: ['state'] },
    columns: itemColumns,
    empty: 'No such orders.',
  }),
  {
    usage: 'watch <run>',
    summary: 'follow a run until it ends, order by order',
    description:
      'Ends with 0 when every order was restored and verified, otherwise with 1. With --json each event is one line.',
    examples: ['run watch 4'],
    options: [],
    requests: [
      { request: { method: 'GET', path: '/restore-runs/{run}' }, columns: [] },
      { request: { method: 'GET', path: '/restore-runs/{run}/events' }, columns: [] },
    ],
    run: watchRun,
  },
];

/** A command that changes a run, and shows it afterwards. */
const change = (given: {
  verb: string;
  summary: string;
  description?: string;
  examples: readonly string[];
  options?: readonly Option[];
  body?: readonly string[];
  bodyOf?: (context: CommandContext) => Record<string, unknown>;
}): Command => {
  const { verb, body, bodyOf, ...parts } = given;
  return apiCommand({
    ...parts,
    usage: `${verb} <run>`,
    request: {
      method: 'POST',
      path: `/restore-runs/{run}/${verb}`,
      ...(body && { body }),
      ...(bodyOf && { bodyOf }),
    },
    view,
  });
};

const acting: readonly Command[] = [
  apiCommand({
    usage: 'start <plan>',
    summary: 'run an approved plan: one order first, then ten, then the rest',
    description:
      'Refused while matching cancellations still arrive, and on a shop that is not armed.',
    examples: ['run start 4', 'run start 4 && reinstate run watch 4'],
    options: [overrideOption()],
    request: { method: 'POST', path: '/restore-plans/{plan}/runs', bodyOf: overrideOf },
    view,
  }),
  change({
    verb: 'pause',
    summary: 'begin no further order until it is resumed',
    examples: ['run pause 4'],
    options: [new Option('--reason <reason>', 'why, for the timeline')],
    body: ['reason'],
  }),
  change({
    verb: 'resume',
    summary: 'go on with a paused or stopped run, under the rules of a start',
    examples: ['run resume 4'],
    options: [overrideOption()],
    bodyOf: overrideOf,
  }),
  change({
    verb: 'stop',
    summary: 'end a run; what was restored stays restored',
    examples: ['run stop 4 --reason "two orders look wrong"'],
    options: [required(new Option('--reason <reason>', 'why, for the timeline'))],
    body: ['reason'],
  }),
  change({
    verb: 'retry',
    summary: 'try the orders that failed once more, and only those',
    examples: ['run retry 4'],
    options: [overrideOption()],
    bodyOf: overrideOf,
  }),
  apiCommand({
    usage: 'settle <run> <order>',
    summary: 'say what became of an order of which nothing else tells it (needs the role approver)',
    description:
      'Look into the shop first. Writes nothing to it: an order that was not applied gets another turn by run retry.',
    examples: [
      'run settle 4 10045 --outcome not-applied --reason "still cancelled in the shop, no history row"',
    ],
    options: [
      required(
        new Option('--outcome <outcome>', 'what the shop shows').choices([
          'applied',
          'not-applied',
        ]),
      ),
      required(new Option('--reason <reason>', 'how that was found out, for the timeline')),
    ],
    request: {
      method: 'POST',
      path: '/restore-runs/{run}/items/{item}/settle',
      pathOf: async ({ api, args }) => ({
        item: await runItemId(api, { run: args['run'] ?? '', order: args['order'] ?? '' }),
      }),
      body: ['outcome', 'reason'],
    },
    view: { kind: 'record', columns: itemColumns },
  }),
  apiCommand({
    usage: 'undo <run>',
    summary: 'plan to take a run back; that plan is approved and run like any other',
    examples: ['run undo 4'],
    request: { method: 'POST', path: '/restore-runs/{run}/undo' },
    view: { kind: 'record', columns: planColumns },
  }),
];

export const run: Noun = {
  name: 'run',
  summary: 'restore runs: start, watch, pause, stop, retry, settle, undo',
  commands: [...looking, ...acting],
};
