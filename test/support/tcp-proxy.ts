import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { MessageCounter } from './message-counter.js';

/**
 * Stands between a client and a PostgreSQL server. It can go silent like a cut network (nothing comes, nothing
 * ends), and break every connection off in the middle of a given message.
 */
export class TcpProxy {
  private readonly sockets = new Set<Socket>();
  private readonly clients = new Set<Socket>();
  private isSilent = false;
  private passed = 0;
  private cutAfter = Infinity;

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
  ) {
    server.on('connection', (socket) => this.join(socket));
  }

  static async open(target: { host: string; port: number }): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server, target);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The same address, but through the proxy. */
  through(url: string): string {
    const parsed = new URL(url);
    parsed.hostname = '127.0.0.1';
    parsed.port = String((this.server.address() as AddressInfo).port);
    return parsed.href;
  }

  /** how many clients are connected, or think so */
  get connections(): number {
    return this.clients.size;
  }

  /** messages that went either way since they were last counted anew */
  get messages(): number {
    return this.passed;
  }

  /** From now on nothing goes either way, also on connections that are opened later. */
  silence(): void {
    this.isSilent = true;
  }

  /** New connections work again; what was cut stays cut. */
  speak(): void {
    this.isSilent = false;
  }

  /** Breaks off what is open now, and counts the messages anew. */
  cut(): void {
    this.passed = 0;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** Lets so many messages more through, and half of the next one; then all is cut once. Infinity: never. */
  cutOnceAfter(messages: number): void {
    this.passed = 0;
    this.cutAfter = messages;
  }

  /** whether a cut is still to come */
  get willCut(): boolean {
    return this.cutAfter !== Infinity;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private join(near: Socket): void {
    this.keep(near);
    this.clients.add(near);
    near.on('close', () => this.clients.delete(near));
    if (this.isSilent) {
      // read, so that the end of the other side is noticed, but never answered
      near.resume();
      return;
    }
    const far = this.keep(connect(this.target));
    this.forward(near, far, new MessageCounter('client'));
    this.forward(far, near, new MessageCounter('server'));
  }

  private forward(from: Socket, to: Socket, counter: MessageCounter): void {
    let wasCut = false;
    from.on('data', (data) => {
      wasCut ||= this.isSilent;
      if (!wasCut) this.pass(data, { to, counter });
    });
    from.on('close', () => {
      wasCut ||= this.isSilent;
      if (!wasCut) to.destroy();
    });
  }

  private pass(data: Buffer, { to, counter }: { to: Socket; counter: MessageCounter }): void {
    const ends = counter.endsIn(data);
    const room = this.cutAfter - this.passed;
    this.passed += ends.length;
    if (ends.length <= room) {
      to.write(data);
      return;
    }
    const begin = room === 0 ? 0 : (ends[room - 1] ?? 0);
    const half = begin + Math.ceil(((ends[room] ?? data.length) - begin) / 2);
    this.cutAfter = Infinity;
    to.write(data.subarray(0, half), () => this.cut());
  }

  private keep(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    return socket;
  }
}
