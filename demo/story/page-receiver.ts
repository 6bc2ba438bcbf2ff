import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A page as it reached the person on call, and whether its signature was right. */
export interface ReceivedPage {
  readonly firstLine: string;
  readonly genuine: boolean;
  readonly at: Date;
}

export interface PageReceiver {
  readonly url: string;
  readonly secret: string;
  readonly pages: readonly ReceivedPage[];
  close(): Promise<void>;
}

/** Stands in for the on-call person's pager: takes signed webhooks on loopback and checks them. */
export async function startPageReceiver(): Promise<PageReceiver> {
  const secret = randomBytes(24).toString('base64url');
  const pages: ReceivedPage[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const header = String(request.headers['reinstate-signature'] ?? '');
      const { firstLine } = JSON.parse(body) as { firstLine: string };
      pages.push({ firstLine, genuine: isGenuine(header, { body, secret }), at: new Date() });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/page`,
    secret,
    pages,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function isGenuine(header: string, signed: { body: string; secret: string }): boolean {
  const [, time, signature] = /^t=(\d+),v1=([0-9a-f]+)$/.exec(header) ?? [];
  const expected = createHmac('sha256', signed.secret)
    .update(`${time ?? ''}.${signed.body}`)
    .digest('hex');
  return signature === expected;
}
