import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { FAULT_WAYS } from '../faults/fault-report.js';
import type { SampleShop } from './sample-shop.js';

/** The shop's remote control: JSON over HTTP on loopback, for whoever knows the token. */
export interface ControlServer {
  readonly port: number;
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

interface Answer {
  status: number;
  body: unknown;
}

type Handler = (body: unknown, parameter: string) => Promise<Answer> | Answer;

const FAULT_REQUEST = z.object({
  way: z.enum(FAULT_WAYS),
  orders: z.number().int().min(1).max(5000),
  burstMs: z.number().int().min(0).max(600_000).optional(),
  segment: z
    .object({
      paymentMethod: z.string().optional(),
      channel: z.string().optional(),
      warehouse: z.string().optional(),
      region: z.string().optional(),
    })
    .default({}),
});
const BULK_CANCEL_REQUEST = z.object({ count: z.number().int().min(1).max(500) });
const BODY_BYTES_MAX = 64 * 1024;
const CLOSING_MS_MAX = 2000;

export async function startControlServer(
  shop: SampleShop,
  options: { port: number; onShutdown: () => void },
): Promise<ControlServer> {
  const token = randomBytes(18).toString('base64url');
  const handlers = handlersOf(shop, options.onShutdown);
  const server = createServer((request, response) => {
    void answer(request, { token, handlers }).then((result) => send(response, result));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, token, close: () => close(server) };
}

function handlersOf(shop: SampleShop, onShutdown: () => void): Record<string, Handler> {
  return {
    'GET /state': () => ok(shop.state()),
    'GET /credentials': () => ok(shop.credentials()),
    'POST /fault/start': (body) => {
      const request = FAULT_REQUEST.safeParse(body);
      if (!request.success) return badRequest(request.error);
      const started = shop.startFault(request.data);
      return started ? ok({ started }) : { status: 409, body: { error: 'the job runs already' } };
    },
    'POST /fault/stop': async () => ok(await shop.stopFault()),
    'POST /sale/start': () => {
      shop.setSale(true);
      return ok({});
    },
    'POST /sale/stop': () => {
      shop.setSale(false);
      return ok({});
    },
    'POST /bulk-cancel': async (body) => {
      const request = BULK_CANCEL_REQUEST.safeParse(body);
      if (!request.success) return badRequest(request.error);
      return ok({ cancelled: await shop.bulkCancel(request.data.count) });
    },
    'POST /traffic/stop': async () => {
      await shop.stopTraffic();
      return ok({});
    },
    'GET /order/:': async (_body, number) => {
      const order = await shop.order(number);
      return order === null ? { status: 404, body: { error: 'no such order' } } : ok(order);
    },
    'POST /order/:/ship': async (_body, number) => {
      const outcome = await shop.ship(number);
      return { status: outcome.done ? 200 : 409, body: outcome };
    },
    'POST /shutdown': () => {
      onShutdown();
      return { status: 202, body: {} };
    },
  };
}

async function answer(
  request: IncomingMessage,
  { token, handlers }: { token: string; handlers: Record<string, Handler> },
): Promise<Answer> {
  if (!holdsToken(request, token))
    return { status: 401, body: { error: 'token missing or wrong' } };
  const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
  const parameter = /^\/order\/([^/]+)/.exec(path)?.[1] ?? '';
  const pattern = path.replace(/^\/order\/[^/]+/, '/order/:');
  const handler = handlers[`${request.method ?? 'GET'} ${pattern}`];
  if (handler === undefined) return { status: 404, body: { error: `nothing at ${path}` } };
  try {
    return await handler(await readBody(request), decodeURIComponent(parameter));
  } catch (error) {
    const status = error instanceof SyntaxError ? 400 : 500;
    return { status, body: { error: error instanceof Error ? error.message : String(error) } };
  }
}

function holdsToken(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > BODY_BYTES_MAX) throw new SyntaxError('the body is too long');
  }
  return text === '' ? {} : JSON.parse(text);
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function badRequest(error: z.ZodError): Answer {
  return { status: 400, body: { error: z.prettifyError(error) } };
}

/** Lets answers in hand go out, the one to the shutdown among them. */
async function close(server: Server): Promise<void> {
  const hurry = setTimeout(() => server.closeAllConnections(), CLOSING_MS_MAX);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(hurry);
}
