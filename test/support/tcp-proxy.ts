import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** Stands between a client and a server, and can go silent like a cut network: nothing comes, nothing ends. */
export class TcpProxy {
  private readonly sockets = new Set<Socket>();
  private readonly clients = new Set<Socket>();
  private isSilent = false;

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

  /** From now on nothing goes either way, also on connections that are opened later. */
  silence(): void {
    this.isSilent = true;
  }

  /** New connections work again; what was cut stays cut. */
  speak(): void {
    this.isSilent = false;
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
    this.forward(near, far);
    this.forward(far, near);
  }

  private forward(from: Socket, to: Socket): void {
    let wasCut = false;
    from.on('data', (data) => {
      wasCut ||= this.isSilent;
      if (!wasCut) to.write(data);
    });
    from.on('close', () => {
      wasCut ||= this.isSilent;
      if (!wasCut) to.destroy();
    });
  }

  private keep(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    return socket;
  }
}
