import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A message as it came over the wire. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** headers and text, lines ended by \n, dots unstuffed */
  readonly data: string;
}

/**
 * A mail server that takes everything and delivers nothing (RFC 5321, as much of it as a client
 * needs), without TLS. `answers` makes it refuse: the next DATA gets these codes, one after the other.
 */
export class SmtpSink {
  readonly received: ReceivedMail[] = [];
  readonly answers: number[] = [];
  /** what clients said beside the mails themselves */
  readonly commands: string[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  /** the only login that is let in: user and password both `pager` */
  readonly login = `AUTH PLAIN ${Buffer.from('\0pager\0pager').toString('base64')}`;

  static async start(): Promise<SmtpSink> {
    const server = createServer();
    const sink = new SmtpSink(server);
    server.on('connection', (socket) => sink.talk(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return sink;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private talk(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const session = new Session((line) => socket.write(`${line}\r\n`), this);
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      const lines = `${rest}${String(chunk)}`.split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (session.take(line) === 'end') socket.end();
    });
    socket.write('220 sink ready\r\n');
  }
}

class Session {
  private from = '';
  private to: string[] = [];
  private data: string[] | undefined;

  constructor(
    private readonly say: (line: string) => void,
    private readonly sink: SmtpSink,
  ) {}

  take(line: string): 'on' | 'end' {
    if (this.data !== undefined) this.takeData(this.data, line);
    else return this.takeCommand(line);
    return 'on';
  }

  private takeCommand(line: string): 'on' | 'end' {
    const [verb = ''] = line.toUpperCase().split(' ');
    this.sink.commands.push(line);
    const address = /<([^>]*)>/.exec(line)?.[1] ?? '';
    switch (verb) {
      case 'EHLO':
        this.say('250-sink\r\n250 AUTH PLAIN');
        return 'on';
      case 'HELO':
        this.say('250 sink');
        return 'on';
      case 'STARTTLS':
        this.say('502 no TLS here');
        return 'on';
      case 'AUTH':
        this.say(line === this.sink.login ? '235 welcome' : '535 not you');
        return 'on';
      case 'MAIL':
        this.from = address;
        this.to = [];
        this.say('250 ok');
        return 'on';
      case 'RCPT':
        this.to.push(address);
        this.say('250 ok');
        return 'on';
      case 'DATA':
        this.data = [];
        this.say('354 go on');
        return 'on';
      case 'QUIT':
        this.say('221 bye');
        return 'end';
      default:
        this.say('250 ok');
        return 'on';
    }
  }

  private takeData(data: string[], line: string): void {
    if (line !== '.') {
      data.push(line.replace(/^\./, ''));
      return;
    }
    this.data = undefined;
    const code = this.sink.answers.shift() ?? 250;
    if (code === 250)
      this.sink.received.push({ from: this.from, to: this.to, data: data.join('\n') });
    this.say(`${code} ${code === 250 ? 'taken' : 'refused'}`);
  }
}
