import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Statement } from './sql-text.js';

/** The rows that a statement gave, each value as PostgreSQL's own text. */
export type Answer = readonly (readonly (string | null)[])[];

export interface BatchResult {
  /** of the statements that were carried out, in their order */
  readonly answers: readonly Answer[];
  /** why the next one was not; undefined where all of them were */
  readonly failure: unknown;
}

/**
 * Sends statements in one message: one way there and back for all of them. Each goes by a name that stands for its
 * text, so that a session parses and plans it once. The first one that fails ends it: none after it is carried out.
 */
export async function sendTogether(
  client: pg.ClientBase,
  statements: readonly Statement[],
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<BatchResult> {
  const names = namesOf(client);
  return new Promise((resolve) => {
    client.query(new StatementBatch({ statements, names, timeoutMs, resolve }));
  });
}

/** More than the statements of a restore of most shops; the server keeps each of them until the session ends. */
const namesMax = 300;

/** What a session of the server knows by name, by its text. */
class KnownNames {
  private readonly names = new Map<string, string>();
  /** no name holds from one transaction to the next: a pooler gives each of them a session of its own choice */
  areUnreliable = false;

  get(text: string): string | undefined {
    return this.names.get(text);
  }

  keep(text: string, name: string): void {
    if (name !== '') this.names.set(text, name);
  }

  forget(): void {
    this.names.clear();
    this.areUnreliable = true;
  }

  get isFull(): boolean {
    return this.names.size >= namesMax;
  }
}

const sessions = new WeakMap<pg.ClientBase, KnownNames>();

function namesOf(client: pg.ClientBase): KnownNames {
  const known = sessions.get(client) ?? new KnownNames();
  sessions.set(client, known);
  return known;
}

/** Whether the server has been told so much that the next one should open a session of its own. */
export function knowsEnough(client: pg.ClientBase): boolean {
  return namesOf(client).isFull;
}

/**
 * Whether it failed because a pooler has put another session in the place of the one that knew the names. From now
 * on none are used in this one, so that what was sent can be sent again.
 */
export function forgetsNames(client: pg.ClientBase, failure: unknown): boolean {
  const isUnknown = (failure as { code?: unknown } | undefined)?.code === '26000';
  if (isUnknown) namesOf(client).forget();
  return isUnknown;
}

interface Sent {
  readonly text: string;
  readonly name: string;
}

/** What the driver asks of a query, for several statements with one end. */
class StatementBatch implements pg.Submittable {
  /** read by the driver */
  readonly query_timeout: number;
  /** the driver puts one of its own before it, which ends the time-out */
  callback: (failure?: unknown) => void;
  private readonly sent: Sent[] = [];
  private readonly answers: Answer[] = [];
  private rows: (string | null)[][] = [];

  constructor(
    private readonly given: {
      readonly statements: readonly Statement[];
      readonly names: KnownNames;
      readonly timeoutMs: number;
      readonly resolve: (result: BatchResult) => void;
    },
  ) {
    this.query_timeout = given.timeoutMs;
    this.callback = (failure) => given.resolve({ answers: this.answers, failure });
  }

  submit(connection: pg.Connection): void {
    connection.stream.cork();
    try {
      const parsed = new Set<string>();
      for (const { text, values } of this.given.statements) {
        const name = this.nameIn(connection, { text, parsed });
        connection.bind({ statement: name, values: [...values] }, true);
        connection.execute(null, true);
        this.sent.push({ text, name });
      }
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.rows.push(fields);
  }

  handleCommandComplete(): void {
    const sent = this.sent[this.answers.length];
    if (sent !== undefined) this.given.names.keep(sent.text, sent.name);
    this.answers.push(this.rows);
    this.rows = [];
  }

  handleReadyForQuery(): void {
    this.callback();
  }

  handleError(failure: unknown): void {
    this.callback(failure);
  }

  /** The name by which the server knows the text, once it has come to this place. */
  private nameIn(
    connection: pg.Connection,
    { text, parsed }: { text: string; parsed: Set<string> },
  ): string {
    const { names } = this.given;
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = names.areUnreliable ? '' : nameOf(text);
    if (name !== '' && parsed.has(name)) return name;
    // of a batch that failed, nobody knows how far it came; to close what there is not is no error
    if (name !== '') connection.close({ type: 'S', name }, true);
    connection.parse({ name, text, types: [] }, true);
    parsed.add(name);
    return name;
  }
}

/** The same for the same text in every session: also where a pooler mixes them up, it stands for nothing else. */
function nameOf(text: string): string {
  const known = hashes.get(text);
  if (known !== undefined) return known;
  if (hashes.size >= hashesMax) hashes.clear();
  const name = `reinstate_${createHash('sha256').update(text).digest('base64url')}`;
  hashes.set(text, name);
  return name;
}

const hashesMax = 1_000;
const hashes = new Map<string, string>();
