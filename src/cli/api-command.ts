import { randomUUID } from 'node:crypto';
import { Option } from 'commander';
import type { ApiRequest, ListAnswer } from './api-client.js';
import type { Command, CommandContext, Input, RequestSpec } from './command.js';
import { textOf } from './options.js';
import { inheritedCurrency, valueAt, type Column } from './output/column.js';

/** How an answer is shown to people. */
export type View =
  | {
      readonly kind: 'record';
      readonly columns: readonly Column[];
      readonly lists?: readonly ListView[];
    }
  | {
      readonly kind: 'said';
      readonly columns?: readonly Column[];
      readonly words: (answer: unknown, input: Input) => string;
    };

/** A command whose answer is text for a program (or a person), given out as it came. */
export function textCommand(parts: CommandParts): Command {
  return {
    ...parts,
    options: parts.options ?? [],
    requests: [{ request: parts.request, columns: [] }],
    run: async (context) => {
      context.out.raw(await context.api.text(await requestOf(parts.request, context)));
    },
  };
}

/** A list inside of a record. */
export interface ListView {
  readonly field: string;
  readonly title: string;
  readonly columns: readonly Column[];
  /** path of the currency of all amounts in the list */
  readonly currency?: string;
}

interface CommandParts {
  readonly usage: string;
  readonly summary: string;
  readonly description?: string;
  readonly examples: readonly string[];
  readonly options?: readonly Option[];
  readonly request: RequestSpec;
}

/** A command that makes one request and shows its answer. */
export function apiCommand(parts: CommandParts & { readonly view: View }): Command {
  const { request, view } = parts;
  const options = [...(parts.options ?? []), ...(request.method === 'POST' ? [keyOption()] : [])];
  return {
    ...parts,
    options,
    requests: [{ request, columns: columnsOf(view) }],
    run: async (context) => {
      const answer = await context.api.json(await requestOf(request, context));
      if (context.out.json) context.out.answer(answer);
      else show(view, answer, context);
    },
  };
}

interface ListParts extends CommandParts {
  readonly columns: readonly Column[];
  readonly empty: string;
  /** for items that need several lines each; the columns then only name the fields that it shows */
  readonly lines?: (item: unknown) => readonly string[];
}

/** A command that shows a list: one page, or with `--all` every page. */
export function listCommand(parts: ListParts): Command {
  const { request: given, columns, empty, lines } = parts;
  const request = { ...given, query: [...(given.query ?? []), 'limit', 'cursor'] };
  const options = [
    ...(parts.options ?? []),
    new Option(
      '--limit <number>',
      'how many at once (the service gives 50 unless told, 500 at most)',
    ),
    new Option('--cursor <cursor>', 'go on where the page before ended'),
    new Option('--all', 'all pages, one after the other').conflicts('cursor'),
  ];
  return {
    ...parts,
    options,
    requests: [{ request, columns: columns.map((column) => within('items', column)) }],
    run: async (context) => {
      const list = await pagesOf(request, context);
      if (context.out.json) {
        context.out.answer(list);
        return;
      }
      if (lines === undefined || list.items.length === 0)
        context.out.table(list.items, { columns, empty });
      else for (const line of list.items.flatMap(lines)) context.out.line(line);
      if (typeof list.nextCursor === 'string') {
        context.out.line(`\nThere is more: --all, or --cursor ${list.nextCursor}`);
      }
    },
  };
}

const pageSizeMax = 500;

async function pagesOf(request: RequestSpec, context: CommandContext): Promise<ListAnswer> {
  const first = await requestOf(request, context);
  if (context.options['all'] !== true) return (await context.api.json(first)) as ListAnswer;
  const items: unknown[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: pageSizeMax, ...first.query, cursor };
    const page = (await context.api.json({ ...first, query })) as ListAnswer;
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return { items, nextCursor: null };
}

/** The request of a command line. What starts something carries a key, so that it is never done twice. */
export async function requestOf(spec: RequestSpec, context: CommandContext): Promise<ApiRequest> {
  const { method, query = [], body = [], bodyOf } = spec;
  const chosen = (names: readonly string[]) =>
    Object.fromEntries(
      names.map((name) => [name, context.options[name]]).filter(([, value]) => value !== undefined),
    ) as Record<string, string>;
  const hasBody = method === 'POST' || method === 'PUT';
  const key = textOf(context.options['idempotencyKey']) ?? randomUUID();
  return {
    method,
    patienceSeconds: spec.patienceSeconds,
    path: filled(spec.path, { ...context.args, ...(await spec.pathOf?.(context)) }),
    ...(query.length > 0 && { query: chosen(query) }),
    ...(hasBody && { body: { ...chosen(body), ...(await bodyOf?.(context)) } }),
    ...(method === 'POST' && { headers: { 'idempotency-key': key } }),
  };
}

/** A path with its placeholders filled in. */
export function filled(path: string, args: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(args[name] ?? ''),
  );
}

function keyOption(): Option {
  return new Option(
    '--idempotency-key <key>',
    'the same command under the same key is done once (a new key unless given)',
  );
}

function show(view: View, answer: unknown, context: CommandContext): void {
  if (view.kind === 'said') {
    context.out.line(view.words(answer, context));
    return;
  }
  context.out.record(answer, view.columns);
  for (const list of view.lists ?? []) showList(list, answer, context);
}

function showList(
  { field, title, columns, currency }: ListView,
  answer: unknown,
  context: CommandContext,
): void {
  const items = valueAt(answer, field);
  if (!Array.isArray(items) || items.length === 0) return;
  const code = currency === undefined ? undefined : valueAt(answer, currency);
  context.out.line(`\n${title}`);
  context.out.table(
    items.map((item: object) => ({ ...item, [inheritedCurrency]: code })),
    { columns, empty: '' },
  );
}

function columnsOf(view: View): readonly Column[] {
  if (view.kind === 'said') return view.columns ?? [];
  const nested = (view.lists ?? []).flatMap(({ field, columns }) =>
    columns.map((column) => within(field, column)),
  );
  return [...view.columns, ...nested];
}

/** The column as it stands below a list's field, for the test against the API's document. */
export function within(field: string, column: Column): Column {
  return { ...column, fields: column.fields.map((name) => `${field}.${name}`) };
}
