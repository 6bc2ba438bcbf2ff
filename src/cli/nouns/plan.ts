import { Option } from 'commander';
import { apiCommand, listCommand, textCommand } from '../api-command.js';
import type { Command, CommandContext, Noun } from '../command.js';
import { refused, usageFailure } from '../failures.js';
import { required, textOf } from '../options.js';
import { said, text, time, valueAt, wordsOf, type Column } from '../output/column.js';
import { casesOfOrders } from '../references.js';

/** Enough of a hash that nobody takes one plan for another. */
const hashPrefixMin = 8;

const mainColumns: readonly Column[] = [
  text('plan', 'number'),
  text('does', 'action'),
  text('state', 'state'),
  text('to set back', 'reopen'),
  text('for a person', 'person'),
  text('approvals missing', 'standing.missing'),
  time('made', 'createdAt'),
  time('expires', 'expiresAt'),
  text('run', 'runId'),
];

export const planColumns: readonly Column[] = [
  ...mainColumns,
  text('shop', 'shopId'),
  text('approvals needed', 'approvalsNeeded'),
  time('approved until', 'standing.validUntil'),
  said('glass broken', 'standing.brokenGlass', wordsOf),
  text('notes', 'notes'),
  text('hash', 'hash'),
  text('id', 'id'),
];

const approvals = {
  field: 'approvals',
  title: 'Decisions',
  columns: [
    time('at', 'at'),
    text('who', 'person'),
    text('decision', 'decision'),
    text('glass broken', 'breakGlass'),
    text('why', 'reason'),
    time('holds until', 'expiresAt'),
    text('may still approve', 'mayApprove'),
  ],
};

const view = { kind: 'record', columns: planColumns, lists: [approvals] } as const;

/** Sets the orders of an incident back; making a plan writes nothing to the shop. */
const making: readonly Command[] = [
  apiCommand({
    usage: 'create <incident>',
    summary: 'plan the restore of all wrongful orders of an incident, or of chosen ones',
    description: 'Nothing is written to the shop. Look at it with plan show and plan items.',
    examples: ['plan create 1', 'plan create 1 --orders 10045,10046'],
    options: [new Option('--orders <orders>', 'only these, by number or id, with commas')],
    request: {
      method: 'POST',
      path: '/incidents/{incident}/restore-plans',
      bodyOf: async ({ api, args, options }) => {
        const orders = textOf(options['orders'])?.split(',');
        if (orders === undefined) return {};
        return { cases: await casesOfOrders(api, { incident: args['incident'] ?? '', orders }) };
      },
    },
    view,
  }),
  listCommand({
    usage: 'list <incident>',
    summary: 'the restore plans of an incident, newest first',
    examples: ['plan list 1'],
    request: { method: 'GET', path: '/incidents/{incident}/restore-plans' },
    columns: mainColumns,
    empty: 'No plan was made for this incident.',
  }),
  apiCommand({
    usage: 'show <plan>',
    summary: 'one plan by its number or id, with who approved it',
    examples: ['plan show 4'],
    request: { method: 'GET', path: '/restore-plans/{plan}' },
    view,
  }),
  listCommand({
    usage: 'items <plan>',
    summary: 'what the plan would change, order by order',
    examples: ['plan items 4', 'plan items 4 --all --json'],
    request: { method: 'GET', path: '/restore-plans/{plan}/items' },
    columns: [
      text('order', 'words.headline'),
      text('changes', 'words.changes'),
      text('risks', 'words.risks'),
    ],
    lines: itemLines,
    empty: 'The plan has no orders.',
  }),
];

function itemLines(item: unknown): string[] {
  const each = (path: string) => {
    const value = valueAt(item, path);
    return Array.isArray(value) ? value.map(wordsOf) : [];
  };
  return [
    wordsOf(valueAt(item, 'words.headline')),
    ...each('words.changes').map((change) => `  ${change}`),
    ...each('words.risks').map((risk) => `  risk: ${risk}`),
  ];
}

/** The whole hash of the plan, once what was written of it fits. */
async function hashOf({ api, args, options }: CommandContext): Promise<string> {
  const plan = await api.json({ method: 'GET', path: `/restore-plans/${args['plan'] ?? ''}` });
  const hash = wordsOf(valueAt(plan, 'hash'));
  const seen = textOf(options['hash']) ?? hash;
  if (seen.length < hashPrefixMin)
    throw usageFailure(`--hash needs at least the first ${hashPrefixMin} characters`);
  if (!hash.startsWith(seen))
    throw refused(`this plan has another hash (${hash}): look at it again with plan show`);
  return hash;
}

const deciding: readonly Command[] = [
  apiCommand({
    usage: 'approve <plan>',
    summary: 'approve a plan that somebody else asked for (needs the role approver)',
    description:
      'The hash, which plan show tells, says which plan you looked at. Where nobody else can be reached, --break-glass approves your own plan: it needs a reason and pages everybody. An approved plan takes the approval of another person once somebody who approved it may not approve any more.',
    examples: [
      'plan approve 4 --hash 3fa94b21',
      'plan approve 4 --hash 3fa94b21 --break-glass --reason "nobody else answers, orders ship at six"',
    ],
    options: [
      required(new Option('--hash <hash>', 'the hash of the plan you looked at, or how it begins')),
      new Option('--break-glass', 'against the rule of two persons; pages'),
      new Option('--reason <reason>', 'why'),
    ],
    request: {
      method: 'POST',
      path: '/restore-plans/{plan}/approvals',
      body: ['breakGlass', 'reason'],
      bodyOf: async (context) => ({ decision: 'approved', planHash: await hashOf(context) }),
    },
    view,
  }),
  apiCommand({
    usage: 'reject <plan>',
    summary: 'reject a plan: it cannot be run any more (needs the role approver)',
    examples: ['plan reject 4 --reason "order 10046 was cancelled by the customer on the phone"'],
    options: [required(new Option('--reason <reason>', 'why'))],
    request: {
      method: 'POST',
      path: '/restore-plans/{plan}/approvals',
      body: ['reason'],
      bodyOf: async (context) => ({ decision: 'rejected', planHash: await hashOf(context) }),
    },
    view,
  }),
  textCommand({
    usage: 'sql <plan>',
    summary: 'the approved plan as SQL for a DBA (needs the role approver)',
    description:
      'Given out under the rules of run start, to somebody other than who approved it alone. It holds personal data: delete the file afterwards. Giving it out is in the audit.',
    examples: ['plan sql 4 > plan-4.sql'],
    options: [
      new Option(
        '--override-bleeding <reason>',
        'although matching cancellations still arrive (needs the role approver; pages)',
      ),
    ],
    request: {
      method: 'GET',
      path: '/restore-plans/{plan}.sql',
      query: ['overrideBleeding'],
    },
  }),
];

export const plan: Noun = {
  name: 'plan',
  summary: 'restore plans: the exact change of each order, and its approval',
  commands: [...making, ...deciding],
};
