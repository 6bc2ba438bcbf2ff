import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A message that is held on its way to the shop's server. */
export interface Held {
  /** the message has come, and so everything before it was answered */
  readonly reached: Promise<void>;
  release(): void;
}

/** Stands between an adapter and the shop's server: holds what it is told to hold, and listens to the answers. */
export class ShopGate {
  /** what the server has said, as bytes in Latin-1 */
  heard = '';
  private readonly sockets = new Set<Socket>();
  private hold: { text: string; reached: () => void; released: Promise<void> } | undefined;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {
    server.on('connection', (client) => this.join(client));
  }

  static async open(url: string): Promise<ShopGate> {
    const server = createServer();
    const gate = new ShopGate(server, new URL(url));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  /** The server's address, through the gate. */
  get url(): string {
    const through = new URL(this.target);
    through.hostname = '127.0.0.1';
    through.port = String((this.server.address() as AddressInfo).port);
    return through.href;
  }

  /** Holds the next message with this text, once. */
  holdAt(text: string): Held {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const reached = new Promise<void>((resolve) => {
      this.hold = { text, reached: resolve, released };
    });
    return { reached, release };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private join(client: Socket): void {
    const upstream = connect(Number(this.target.port), this.target.hostname);
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.setNoDelay().on('error', () => undefined);
    }
    upstream.on('data', (data) => {
      this.heard += data.toString('latin1');
      client.write(data);
    });
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
    // one after the other, also where one is held
    let sent = Promise.resolve();
    client.on('data', (data) => {
      sent = sent.then(() => this.pass(data)).then(() => void upstream.write(data));
    });
  }

  private async pass(data: Buffer): Promise<void> {
    const { hold } = this;
    if (hold === undefined || !data.includes(hold.text)) return;
    this.hold = undefined;
    hold.reached();
    await hold.released;
  }
}
