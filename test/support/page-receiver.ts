import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedPage {
  readonly headers: IncomingHttpHeaders;
  /** the raw body, over which the signature goes */
  readonly body: string;
}

/** How the receiver answers one request; `silent` never does, and `endless` never comes to an end. */
export type PageAnswer =
  { readonly status: number; readonly headers?: Record<string, string> } | 'silent' | 'endless';

/** A receiver of webhook pages: keeps what came, and answers as it was told (else 204). */
export class PageReceiver {
  readonly received: ReceivedPage[] = [];
  readonly answers: PageAnswer[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<PageReceiver> {
    const server = createServer();
    const receiver = new PageReceiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        receiver.received.push({
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
        });
        const answer = receiver.answers.shift() ?? { status: 204 };
        if (answer === 'endless') answerEndlessly(response);
        else if (answer !== 'silent') response.writeHead(answer.status, answer.headers).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/pages`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function answerEndlessly(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, '.');
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response
    .writeHead(200)
    .on('drain', more)
    .on('error', () => response.destroy());
  more();
}
