import { LogicalReplicationService } from 'pg-logical-replication';
import type { Client } from 'pg';
import pg from 'pg';
import { lsnText, lsnValue } from './lsn.js';
import { ToldFailure } from './shop-problem.js';
import { closeClient, replicationConfig } from './shop-server.js';
import { processIdOf } from './slot.js';

export interface ReplicationOptions {
  /** replicate credential */
  readonly url: string;
  readonly slotName: string;
  readonly publicationName: string;
  /** everything up to here was journalled */
  readonly startLsn: string;
  /** how often the server hears from us, and is asked to answer */
  readonly feedbackIntervalMs: number;
  /** a server that is silent for so long is taken for gone */
  readonly silenceMs: number;
}

export interface ReplicationEvents {
  /** one message of pgoutput */
  message(buffer: Buffer): void;
  /** all write-ahead log up to here was sent */
  keepAlive(lsn: string, answerNow: boolean): void;
}

/**
 * One connection that streams from a slot. The library sends and receives; **what is confirmed is decided
 * here**: its own timer would acknowledge whatever was received, journalled or not, so it is off.
 *
 * Confirmed is exactly what `confirm` was told. The library adds one to what it is given (as if it were the
 * last byte and not the end): a slot set one byte too far passes over a commit that begins right there.
 */
export class ReplicationConnection {
  private readonly service: LogicalReplicationService;
  private readonly plugin: RawPgoutput;
  private readonly cutting = new AbortController();
  private confirmed: string;
  /** beats since anything was heard: a count, since a busy process of ours says nothing about the server */
  private silentBeats = 0;
  private paused = false;
  private closing = false;
  private timer: NodeJS.Timeout | undefined;
  private failure: ((error: Error) => void) | undefined;

  constructor(
    private readonly options: ReplicationOptions,
    private readonly events: ReplicationEvents,
  ) {
    this.confirmed = options.startLsn;
    this.plugin = new RawPgoutput(options);
    const session = { statementLimitMs: null, signal: this.cutting.signal };
    this.service = new LogicalReplicationService(replicationConfig(options.url, session), {
      acknowledge: { auto: false, timeoutSeconds: 0 },
      flowControl: { enabled: false },
    });
  }

  /** Streams until `close` is called; rejects when the connection fails or goes silent. */
  async run(started: () => void): Promise<void> {
    const failed = new Promise<never>((_resolve, reject) => (this.failure = reject));
    this.listen(started);
    // from the first moment on: a server may also go silent before it streams
    this.timer = setInterval(() => this.beat(), this.options.feedbackIntervalMs);
    try {
      const subscribed = this.service.subscribe(
        this.plugin,
        this.options.slotName,
        this.options.startLsn,
      );
      await Promise.race([subscribed, failed]);
      if (!this.closing) throw new ToldFailure('the shop’s server ended the stream');
    } catch (error) {
      if (!this.closing) throw error;
    } finally {
      await this.close();
    }
  }

  /** The server's process of this stream; null before it streams. */
  get processId(): number | null {
    const { client } = this.plugin;
    return client === undefined ? null : processIdOf(client);
  }

  /** Tells the server that everything up to `lsn` is journalled: it may forget it. */
  confirm(lsn: string): void {
    this.confirmed = lsn;
    this.sendFeedback(false);
  }

  /** Stops reading, so that a slow journal fills no memory; feedback goes on. */
  pause(): void {
    this.paused = true;
    this.plugin.client?.connection.stream.pause();
  }

  resume(): void {
    this.paused = false;
    this.silentBeats = 0;
    this.plugin.client?.connection.stream.resume();
  }

  /** Ends the stream within a few seconds, whatever the server does; nothing is confirmed by it. */
  async close(): Promise<void> {
    this.closing = true;
    clearInterval(this.timer);
    const { client } = this.plugin;
    if (client !== undefined) {
      client.connection.stream.resume();
      await closeClient(client);
    }
    this.cutting.abort();
    await this.service.destroy();
    // a client that is ended while it connects never tells whoever waits for the connection
    this.failure?.(new Error('the stream was closed'));
  }

  private listen(started: () => void): void {
    this.service.on('error', (error: Error) => this.failure?.(error));
    this.service.on('start', () => this.guarded(started));
    // an exception here would be thrown into the socket's handler, and end the process
    this.service.on('data', (_lsn: string, buffer: Buffer) =>
      this.guarded(() => this.events.message(buffer)),
    );
    this.service.on('heartbeat', (lsn: string, _at: number, answerNow: boolean) =>
      this.guarded(() => this.events.keepAlive(lsn, answerNow)),
    );
  }

  private guarded(work: () => void): void {
    this.silentBeats = 0;
    if (this.closing) return;
    try {
      work();
    } catch (error) {
      this.failure?.(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private beat(): void {
    if (!this.paused) this.silentBeats += 1;
    const { silenceMs, feedbackIntervalMs } = this.options;
    if (this.silentBeats * feedbackIntervalMs > silenceMs) {
      this.failure?.(new ToldFailure('the shop’s server has gone silent'));
      return;
    }
    this.sendFeedback(true);
  }

  private sendFeedback(answerWanted: boolean): void {
    const value = lsnValue(this.confirmed);
    if (value === 0n) return;
    void this.service.acknowledge(lsnText(value - 1n), answerWanted);
  }
}

/** The library's base class is not exported; what it asks of a plugin is. */
type LibraryPlugin = Parameters<LogicalReplicationService['subscribe']>[0];

/** Starts the stream as we want it, and hands messages on as they come: decoding is ours. */
class RawPgoutput implements LibraryPlugin {
  readonly name = 'pgoutput';
  client: Client | undefined;

  constructor(readonly options: { readonly publicationName: string }) {}

  start(client: Client, slotName: string, lastLsn: string): Promise<unknown> {
    this.client = client;
    const publication = pg.escapeLiteral(pg.escapeIdentifier(this.options.publicationName));
    return client.query(
      `START_REPLICATION SLOT ${pg.escapeIdentifier(slotName)} LOGICAL ${lastLsn}
       (proto_version '1', publication_names ${publication}, messages 'true')`,
    );
  }

  parse(buffer: Buffer): Buffer {
    return buffer;
  }
}
