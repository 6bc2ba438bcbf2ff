import { Option } from 'commander';
import { apiCommand, listCommand, requestOf, textCommand } from '../api-command.js';
import type { Command, Noun } from '../command.js';
import { required, textOf } from '../options.js';
import { attachUrlOf } from '../secret.js';
import { nothing, said, text, time, valueAt, wordsOf, type Column } from '../output/column.js';
import { bytesInWords } from '../output/words.js';
import { observationInWords, secondsOf, watchShop } from '../watch-shop.js';

const mainColumns: readonly Column[] = [
  text('shop', 'id'),
  text('name', 'name'),
  text('profile', 'profile.name'),
  said('restores', 'armedAt', (at) => (at === null ? 'not armed: only observed' : 'armed')),
  time('stopped', 'stoppedAt'),
  text('because', 'stopReason'),
];

const allColumns: readonly Column[] = [
  ...mainColumns,
  time('armed', 'armedAt'),
  text('can be armed', 'hasWriteCredential'),
];

/** The shop's server answers in its own time: attach waits for locks, a check looks at every table. */
const patienceSeconds = 300;

const streamColumns: readonly Column[] = [
  text('shop', 'shopId'),
  text('stream', 'state'),
  text('problem', 'problem'),
  said('behind', 'lagBytes', bytesInWords),
  said('kept for us', 'retainedWalBytes', bytesInWords),
  text('kept as', 'walStatus'),
  said('at most', 'walBound.bytes', bytesInWords),
  text('seen to by', 'walBound.by'),
  said('last heard', 'secondsSinceMessage', (seconds) =>
    typeof seconds === 'number' ? `${Math.round(seconds)} s ago` : nothing,
  ),
  text('rows read first', 'snapshotRows'),
  time('attached', 'attachedAt'),
  text('journalled to', 'confirmedLsn'),
  text('incarnation', 'incarnation'),
  text('slot', 'slotName'),
  text('publication', 'publicationName'),
];

const credentialOption = () =>
  new Option(
    '--attach-url-file <file>',
    "a file with the connection URL of the tables' owner (else REINSTATE_ATTACH_URL)",
  );

/** Attaching: the only changes to a shop's schema, made once, by its owner. */
const attaching: readonly Command[] = [
  apiCommand({
    usage: 'attach <shop>',
    summary: 'follow the orders of a shop by logical replication (needs the role admin)',
    description:
      "It needs the credential of the tables' owner once: from --attach-url-file or REINSTATE_ATTACH_URL, never as an argument, since those stand in the process list. It is not stored. Where a DBA ran the SQL of attach-sql, none is needed.",
    examples: ['shop attach main --attach-url-file owner-url', 'shop attach main'],
    options: [
      credentialOption(),
      new Option(
        '--allow-unbounded-wal',
        'also where max_slot_wal_keep_size is not set: the slot is bounded by Reinstate then, and only while it runs',
      ),
    ],
    request: {
      method: 'POST',
      path: '/shops/{shop}/attach',
      patienceSeconds,
      body: ['allowUnboundedWal'],
      bodyOf: async (context) => ({ credential: await attachUrlOf(context) }),
    },
    view: { kind: 'record', columns: streamColumns },
  }),
  textCommand({
    usage: 'attach-sql <shop>',
    summary: "what attaching changes in the shop's schema, as SQL for a DBA",
    examples: ['shop attach-sql main > attach.sql'],
    request: { method: 'GET', path: '/shops/{shop}/attach.sql', patienceSeconds },
  }),
  apiCommand({
    usage: 'status <shop>',
    summary: "where the shop's stream stands, and how far behind it is",
    examples: ['shop status main', 'shop status main --json'],
    request: { method: 'GET', path: '/shops/{shop}/status' },
    view: { kind: 'record', columns: streamColumns },
  }),
  apiCommand({
    usage: 'detach <shop>',
    summary: 'stop following a shop, and take back what attaching changed there',
    description: 'What could not be taken back is printed as SQL for a DBA.',
    examples: ['shop detach main --attach-url-file owner-url', 'shop detach main --forget'],
    options: [
      credentialOption(),
      new Option(
        '--forget',
        'detach a shop that is gone for good: where its database lets nobody in, on our side alone',
      ),
    ],
    request: {
      method: 'POST',
      path: '/shops/{shop}/detach',
      patienceSeconds,
      body: ['forget'],
      bodyOf: async (context) => ({ credential: await attachUrlOf(context) }),
    },
    view: {
      kind: 'said',
      columns: [text('stream', 'status.state'), text('left', 'remainingSql')],
      words: (answer) => {
        const left = valueAt(answer, 'remainingSql');
        const lines = Array.isArray(left) ? left.map(String) : [];
        return lines.length === 0
          ? 'Detached; nothing of Reinstate is left in the shop.'
          : `Detached. Left for a DBA to run in the shop:\n${lines.join('\n')}`;
      },
    },
  }),
];

/** A command that changes whether the shop may be written to, and shows the shop afterwards. */
const change = (given: {
  verb: string;
  summary: string;
  description?: string;
  options?: readonly Option[];
  example?: string;
}) =>
  apiCommand({
    ...given,
    usage: `${given.verb} <shop>`,
    examples: [given.example ?? `shop ${given.verb} main`],
    request: {
      method: 'POST',
      patienceSeconds,
      path: `/shops/{shop}/${given.verb}`,
      body: (given.options ?? []).map((option) => option.attributeName()),
    },
    view: { kind: 'record', columns: allColumns },
  });

/** Forgetting cannot be taken back, so that it is asked for twice: by the command and by `--yes`. */
const erasing = (given: {
  usage: string;
  path: string;
  summary: string;
  description: string;
  example: string;
}) =>
  apiCommand({
    ...given,
    examples: [given.example],
    options: [
      required(
        new Option(
          '--reason <reason>',
          "why, for the audit: a request's number, not the person's name",
        ),
      ),
      required(new Option('--yes', 'yes, for ever: nobody can take it back')),
    ],
    request: { method: 'DELETE', path: given.path, query: ['reason'] },
    view: {
      kind: 'said',
      columns: [time('erased', 'erasedAt'), text('before', 'alreadyErased')],
      words: (answer) =>
        valueAt(answer, 'alreadyErased') === true
          ? `Erased before, at ${wordsOf(valueAt(answer, 'erasedAt'))}.`
          : 'Erased: names, addresses and contacts of this person are unreadable from now on.',
    },
  });

const erasures: readonly Command[] = [
  erasing({
    usage: 'erase-customer <shop> <customer>',
    path: '/shops/{shop}/customers/{customer}/personal-data',
    summary: 'forget a customer for ever (needs the role admin)',
    description:
      "The customer by the shop's own id. It erases what Reinstate keeps, not the shop's data; docs/personal-data.md says what stays, and what to do with backups.",
    example: 'shop erase-customer main 4711 --reason "request 2026-118" --yes',
  }),
  erasing({
    usage: 'erase-guest <shop> <order>',
    path: '/shops/{shop}/orders/{order}/personal-data',
    summary: 'forget who placed an order as a guest, for ever (needs the role admin)',
    description: "The order by the shop's own id, which `order show` tells.",
    example: 'shop erase-guest main 90210 --reason "request 2026-119" --yes',
  }),
];

const checkRequest = { method: 'POST', path: '/shops/{shop}/check', patienceSeconds } as const;

const check = apiCommand({
  usage: 'check <shop>',
  summary: 'prove the profile on the live shop; it only reads',
  description: 'A shop whose check has errors cannot be armed.',
  examples: ['shop check main'],
  request: checkRequest,
  view: {
    kind: 'record',
    columns: [
      said('profile', 'ok', (ok) => (ok === true ? 'fits the shop' : 'does not fit the shop')),
      text('server', 'serverVersion'),
    ],
    lists: [
      {
        field: 'faults',
        title: 'What was found',
        columns: [text('severity', 'severity'), text('where', 'where'), text('what', 'message')],
      },
    ],
  },
});

const eventsRequest = { method: 'GET', path: '/shops/{shop}/observation/events' } as const;

/** The check, and then, where it is asked for, a while of watching what the profile may leave out. */
const checkAndObserve: Command = {
  ...check,
  description: `${check.description ?? ''} With --observe it then watches the shop for a while, reading only, and tells which unmapped tables are written in the same transactions as mapped ones, and which triggers would do again what a restore does. Ctrl-C ends that.`,
  examples: [...check.examples, 'shop check main --observe --for 5m'],
  options: [
    ...check.options,
    new Option('--observe', 'then watch the shop for a while (needs the role responder)'),
    new Option('--for <time>', 'how long to watch, such as 90s or 2m; at most 10m').default('2m'),
  ],
  requests: [...check.requests, { request: { ...eventsRequest, query: ['seconds'] }, columns: [] }],
  run: async (context) => {
    const { api, out, options } = context;
    if (options['observe'] !== true) {
      await check.run(context);
      return;
    }
    secondsOf(textOf(options['for']) ?? '');
    if (!out.json) await check.run(context);
    const report = out.json ? await api.json(await requestOf(checkRequest, context)) : undefined;
    const observation = await watchShop(context);
    if (out.json) out.answer({ check: report, observation });
    else for (const line of observationInWords(observation)) out.line(line);
  },
};

export const shop: Noun = {
  name: 'shop',
  summary: 'the watched shops: attach, check, arm, stop, forget a customer',
  commands: [
    listCommand({
      usage: 'list',
      summary: 'the configured shops',
      examples: ['shop list'],
      request: { method: 'GET', path: '/shops' },
      columns: mainColumns,
      empty: 'No shop is configured: see REINSTATE_CONFIG in docs/configuration.md.',
    }),
    apiCommand({
      usage: 'show <shop>',
      summary: 'one shop, and whether it may be written to',
      examples: ['shop show main'],
      request: { method: 'GET', path: '/shops/{shop}' },
      view: { kind: 'record', columns: allColumns },
    }),
    ...attaching,
    checkAndObserve,
    change({
      verb: 'arm',
      summary: 'allow restores (needs the role admin)',
      description: 'The profile is checked first. Until then the write credential is not used.',
    }),
    change({ verb: 'disarm', summary: 'forbid restores: the shop is only observed' }),
    change({
      verb: 'stop',
      summary: 'the kill switch: no restore starts or goes on',
      options: [required(new Option('--reason <reason>', 'why, for everybody who sees it'))],
      example: 'shop stop main --reason "stock counts look wrong"',
    }),
    change({ verb: 'resume', summary: 'release the kill switch (needs the role approver)' }),
    ...erasures,
  ],
};
