import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { MessageReader, openingOf, SqlReader, type WireMessage } from './wire-messages.js';

/** What a client sends with SQL in it, on which session. */
export interface Sent {
  readonly sql: string;
  /** the session's login */
  readonly user: string;
}

/**
 * Where a session is stopped: before a message reaches the server, after it was passed on (and nothing that
 * the server says to it comes back), or once the server has answered it (and the answer is kept).
 */
export type Hold = 'before' | 'after' | 'answered';

export interface Trap {
  readonly springsAt: (sent: Sent) => boolean;
  readonly hold: Hold;
}

/** Something that goes through a gate, held or not. */
export type SessionFilter = (session: { user: string; replicates: boolean }) => boolean;

interface Parcel {
  readonly to: 'server' | 'client';
  readonly bytes: Buffer;
}

/** One client's session: what it sends and is answered, in order, or kept. */
class Session {
  user = '';
  replicates = false;
  isHeld = false;
  readonly sql = new SqlReader();
  /** the next answer springs the trap */
  awaited: (() => void) | undefined;
  /** the client is gone, and the server is not told */
  isAbandoned = false;
  private readonly kept: Parcel[] = [];

  constructor(
    readonly near: Socket,
    readonly far: Socket,
  ) {}

  pass(parcel: Parcel): void {
    if (this.isHeld) this.kept.push(parcel);
    else this.send(parcel);
  }

  /** Lets go of what was kept, and of what comes. */
  release(): void {
    this.isHeld = false;
    for (const parcel of this.kept.splice(0)) this.send(parcel);
  }

  end(): void {
    this.kept.length = 0;
    this.near.destroy();
    this.far.destroy();
  }

  private send({ to, bytes }: Parcel): void {
    const socket = to === 'server' ? this.far : this.near;
    if (socket.writable) socket.write(bytes);
  }
}

/**
 * Stands between one process and a PostgreSQL server, and reads what goes by: it can hold a session before or
 * after a named message, hold whole kinds of sessions, cut all of them, and let nobody in.
 */
export class WireGate {
  private readonly sessions = new Set<Session>();
  private trap: (Trap & { sprung: () => void }) | undefined;
  private holding: SessionFilter | undefined;
  private isShut = false;
  private watched: { springsAt: Trap['springsAt']; times: number; seen: () => void } | undefined;

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
  ) {
    server.on('connection', (near) => this.join(near));
  }

  static async open(url: string): Promise<WireGate> {
    const { hostname: host, port } = new URL(url);
    const server = createServer();
    const gate = new WireGate(server, { host, port: Number(port) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  /** The same address, but through the gate. */
  through(url: string): string {
    const parsed = new URL(url);
    parsed.hostname = '127.0.0.1';
    parsed.port = String((this.server.address() as AddressInfo).port);
    return parsed.href;
  }

  /** Resolves once the trap has sprung; it springs once. */
  arm(trap: Trap): Promise<void> {
    return new Promise((resolve) => {
      this.trap = { ...trap, sprung: resolve };
    });
  }

  disarm(): void {
    this.trap = undefined;
  }

  /** Resolves once so many such messages have gone to the server from now on. */
  watch(springsAt: Trap['springsAt'], times: number): Promise<void> {
    return new Promise((resolve) => {
      this.watched = { springsAt, times, seen: resolve };
    });
  }

  /** Sessions of a kind go silent, also those that come later. */
  hold(filter: SessionFilter): void {
    this.holding = filter;
    for (const session of this.sessions) session.isHeld ||= filter(session);
  }

  /** What was held goes on where it stopped. */
  release(): void {
    this.holding = undefined;
    for (const session of this.sessions) session.release();
  }

  /** All sessions break, as by a firewall that was restarted. */
  cut(): void {
    this.holding = undefined;
    for (const session of this.sessions) session.end();
  }

  /** Nobody gets in until it is opened again. */
  shut(): void {
    this.isShut = true;
  }

  reopen(): void {
    this.isShut = false;
  }

  /** The client's machine is gone without a word: its sessions stay open on the server's side. */
  abandon(): void {
    for (const session of this.sessions) session.isAbandoned = session.isHeld = true;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private join(near: Socket): void {
    near.on('error', () => undefined);
    if (this.isShut) {
      near.destroy();
      return;
    }
    const far = connect(this.target);
    const session = new Session(near, far);
    this.sessions.add(session);
    far.on('error', () => undefined);
    for (const socket of [near, far]) socket.setNoDelay();
    const asked = new MessageReader(true);
    near.on('data', (data) => {
      for (const message of asked.read(data)) this.fromClient(session, message);
    });
    far.on('data', (bytes) => this.fromServer(session, bytes));
    near.on('close', () => {
      if (!session.isAbandoned) far.destroy();
    });
    far.on('close', () => {
      near.destroy();
      this.sessions.delete(session);
    });
  }

  private fromClient(session: Session, message: WireMessage): void {
    const parcel: Parcel = { to: 'server', bytes: message.bytes };
    if (message.type === '') this.introduce(session, message);
    const sql = session.sql.read(message);
    const isSeen = sql !== undefined && !session.isHeld;
    if (isSeen) this.look(session, sql);
    const trap = isSeen ? this.springsAt(session, sql) : undefined;
    if (trap === undefined) {
      session.pass(parcel);
      return;
    }
    this.trap = undefined;
    if (trap.hold === 'answered') {
      session.awaited = trap.sprung;
      session.pass(parcel);
      return;
    }
    if (trap.hold === 'after') session.pass(parcel);
    session.isHeld = true;
    if (trap.hold === 'before') session.pass(parcel);
    trap.sprung();
  }

  private look({ user }: Session, sql: string): void {
    const { watched } = this;
    if (watched?.springsAt({ sql, user }) !== true) return;
    watched.times -= 1;
    if (watched.times > 0) return;
    this.watched = undefined;
    watched.seen();
  }

  private springsAt({ user }: Session, sql: string): typeof this.trap {
    return this.trap?.springsAt({ sql, user }) === true ? this.trap : undefined;
  }

  private introduce(session: Session, message: WireMessage): void {
    const said = openingOf(message);
    session.user = said['user'] ?? '';
    session.replicates = said['replication'] !== undefined;
    if (this.holding?.(session) === true) session.isHeld = true;
  }

  private fromServer(session: Session, bytes: Buffer): void {
    const { awaited } = session;
    session.awaited = undefined;
    if (awaited !== undefined) session.isHeld = true;
    session.pass({ to: 'client', bytes });
    awaited?.();
  }
}
