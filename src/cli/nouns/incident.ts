import { Option } from 'commander';
import { apiCommand, listCommand } from '../api-command.js';
import { filterOf, filterOptions } from '../cancellation-filter.js';
import type { Command, CommandContext, Noun } from '../command.js';
import { momentOption, required, textOf } from '../options.js';
import {
  joined,
  listed,
  money,
  said,
  text,
  time,
  valueAt,
  wordsOf,
  type Column,
} from '../output/column.js';
import { actorInWords, countsInWords, timelineInWords } from '../output/words.js';
import { caseId, personId } from '../references.js';
import { sentPageColumns } from './page.js';

const severities = ['critical', 'high', 'low'];

const incidentColumns: readonly Column[] = [
  text('incident', 'number'),
  text('severity', 'severity'),
  text('status', 'status'),
  text('shop', 'shopId'),
  time('opened', 'openedAt'),
  text('orders', 'cases.total'),
  text('assignee', 'assignee.name'),
  text('what', 'title'),
];

const incidentRecord: readonly Column[] = [
  ...incidentColumns,
  said('verdicts', 'cases.byVerdict', countsInWords),
  said('cases', 'cases.byState', countsInWords),
  time('acknowledged', 'acknowledgedAt'),
  time('resolved', 'resolvedAt'),
  text('declared by', 'declaredBy.name'),
  text('declared for', 'declaration'),
  text('id', 'id'),
];

const reason = () => required(new Option('--reason <reason>', 'why, for the timeline'));

/** A command that changes an incident, and shows it afterwards. */
const change = (given: {
  verb: string;
  usage?: string;
  summary: string;
  description?: string;
  examples: readonly string[];
  options?: readonly Option[];
  body?: readonly string[];
  bodyOf?: (context: CommandContext) => Record<string, unknown> | Promise<Record<string, unknown>>;
}): Command => {
  const { verb, usage, body, bodyOf, ...parts } = given;
  return apiCommand({
    ...parts,
    usage: usage ?? `${verb} <incident>`,
    request: {
      method: 'POST',
      path: `/incidents/{incident}/${verb}`,
      ...(body && { body }),
      ...(bodyOf && { bodyOf }),
    },
    view: { kind: 'record', columns: incidentRecord },
  });
};

const looking: readonly Command[] = [
  listCommand({
    usage: 'list',
    summary: 'incidents, newest first',
    examples: ['incident list --status open,acknowledged', 'incident list --shop main --json'],
    options: [
      new Option('--shop <shop>', 'only of this shop'),
      new Option(
        '--status <statuses>',
        'only such ones: open, acknowledged, resolved, with commas',
      ),
    ],
    request: { method: 'GET', path: '/incidents', query: ['shop', 'status'] },
    columns: incidentColumns,
    empty: 'No incidents.',
  }),
  apiCommand({
    usage: 'show <incident>',
    summary: 'one incident, by its number or id',
    examples: ['incident show 1'],
    request: { method: 'GET', path: '/incidents/{incident}' },
    view: { kind: 'record', columns: incidentRecord },
  }),
  listCommand({
    usage: 'cases <incident>',
    summary: 'the orders of an incident, each with its verdict and why',
    examples: ['incident cases 1', 'incident cases 1 --verdict unsure --all'],
    options: [
      new Option('--verdict <verdicts>', 'only such ones: wrongful, intended, unsure, with commas'),
      new Option(
        '--state <states>',
        'only in such states: open, planned, restored ..., with commas',
      ),
    ],
    request: { method: 'GET', path: '/incidents/{incident}/cases', query: ['verdict', 'state'] },
    columns: [
      text('order', 'orderNumber', 'orderId'),
      text('verdict', 'verdict'),
      text('state', 'state'),
      money('total', 'totalMinor', 'currency'),
      money('held', 'heldMinor', 'currency'),
      time('cancelled', 'cancelledAt'),
      joined('by', ['actorKind', 'actor'], actorInWords),
      listed('why', 'reasons', (one) => wordsOf(valueAt(one, 'words'))),
    ],
    empty: 'No such orders.',
  }),
  listCommand({
    usage: 'pages <incident>',
    summary: 'who was paged about it, newest first, and whether that arrived',
    examples: ['incident pages 1'],
    request: { method: 'GET', path: '/incidents/{incident}/pages' },
    columns: sentPageColumns,
    empty: 'Nobody was paged.',
  }),
  listCommand({
    usage: 'timeline <incident>',
    summary: 'what happened, oldest first',
    examples: ['incident timeline 1', 'incident timeline 1 --scope incident'],
    options: [
      new Option('--scope <scope>', 'incident leaves out what tells of single orders').choices([
        'all',
        'incident',
      ]),
    ],
    request: { method: 'GET', path: '/incidents/{incident}/timeline', query: ['scope'] },
    columns: [
      time('at', 'at'),
      said('who', 'person', (name) => (name === null ? '(Reinstate)' : wordsOf(name))),
      said('what', 'type', (type) => wordsOf(type).replaceAll('-', ' ')),
      said('details', 'data', timelineInWords),
    ],
    empty: 'Nothing happened yet.',
  }),
];

const bleeding = apiCommand({
  usage: 'bleeding <incident>',
  summary: 'whether matching cancellations still arrive: until they stop, nothing is restored',
  examples: ['incident bleeding 1'],
  request: { method: 'GET', path: '/incidents/{incident}/bleeding' },
  view: {
    kind: 'record',
    columns: [
      said('harm', 'bleeding', (value) => (value === true ? 'goes on' : 'has stopped')),
      text('because', 'sentence', 'cause'),
      time('last seen', 'lastSeenAt'),
      time('may be over', 'mayBeOverAt'),
    ],
  },
});

const acting: readonly Command[] = [
  change({
    verb: 'acknowledge',
    summary: 'say that you work on it',
    examples: ['incident acknowledge 1'],
  }),
  change({
    verb: 'assign',
    summary: 'give it to a person, or to nobody',
    examples: ['incident assign 1 --to me', 'incident assign 1 --nobody'],
    options: [
      new Option('--to <person>', 'a name, an id, or me').default('me'),
      new Option('--nobody', 'take it from whoever has it'),
    ],
    bodyOf: async ({ api, options }) => ({
      personId:
        options['nobody'] === true ? null : await personId(api, textOf(options['to']) ?? 'me'),
    }),
  }),
  change({
    verb: 'comment',
    usage: 'comment <incident> <text>',
    summary: 'write onto the timeline',
    examples: ['incident comment 1 "called the payment provider: no fault on their side"'],
    bodyOf: ({ args }) => ({ text: args['text'] }),
  }),
  change({
    verb: 'severity',
    usage: 'severity <incident> <severity>',
    summary: `set the severity by hand: ${severities.join(', ')}`,
    examples: ['incident severity 1 low --reason "all orders belong to our own test account"'],
    options: [reason()],
    body: ['reason'],
    bodyOf: ({ args }) => ({ severity: args['severity'] }),
  }),
  change({
    verb: 'resolve',
    summary: 'end it; cases that were not restored are closed',
    examples: [
      'incident resolve 1 --reason "job switched off, all orders restored"',
      'incident resolve 1 --reason "false alarm" --override "the alert will end by itself"',
    ],
    options: [
      reason(),
      new Option('--override <reason>', 'why it is right although the alert still fires'),
    ],
    body: ['reason', 'override'],
  }),
  change({
    verb: 'reopen',
    summary: 'take a resolved incident up again, with its closed cases',
    examples: ['incident reopen 1 --reason "it has started again"'],
    options: [reason()],
    body: ['reason'],
  }),
];

const declare = apiCommand({
  usage: 'declare <shop>',
  summary: 'open an incident by hand, over a period of cancellations',
  examples: [
    'incident declare main --since 3h --reason "customers call about cancelled orders"',
    'incident declare main --since 2026-11-21T22:00:00Z --until 2026-11-22T04:00:00Z --actor-kind job --reason "nightly job ran twice"',
  ],
  options: [
    required(momentOption('--since <time>', 'from when on')),
    momentOption('--until <time>', 'until when; unless given, until the incident is resolved'),
    reason(),
    new Option('--severity <severity>', 'by the number of orders unless given').choices(severities),
    ...filterOptions,
  ],
  request: {
    method: 'POST',
    path: '/incidents',
    body: ['since', 'until', 'reason', 'severity'],
    bodyOf: (context) => ({ shop: context.args['shop'], filter: filterOf(context) }),
  },
  view: { kind: 'record', columns: incidentRecord },
});

const verdict = apiCommand({
  usage: 'verdict <incident> <order> <verdict>',
  summary: 'decide by hand whether a cancellation was wrongful, intended or unsure',
  description: 'The order is named by its number or id. It is not judged again afterwards.',
  examples: ['incident verdict 1 10045 intended --reason "the customer called and wanted it"'],
  options: [reason()],
  request: {
    method: 'POST',
    path: '/incidents/{incident}/cases/{case}/verdict',
    pathOf: async ({ api, args }) => ({
      case: await caseId(api, { incident: args['incident'] ?? '', order: args['order'] ?? '' }),
    }),
    body: ['reason'],
    bodyOf: ({ args }) => ({ verdict: args['verdict'] }),
  },
  view: {
    kind: 'record',
    columns: [
      text('order', 'orderNumber', 'orderId'),
      text('verdict', 'verdict'),
      text('state', 'state'),
    ],
  },
});

export const incident: Noun = {
  name: 'incident',
  summary: 'incidents, their orders and their timeline',
  commands: [...looking, bleeding, ...acting, verdict, declare],
};
