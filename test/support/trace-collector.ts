import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const value = z
  .object({
    stringValue: z.string(),
    boolValue: z.boolean(),
    intValue: z.union([z.int(), z.string()]),
    doubleValue: z.number(),
  })
  .partial();
const attributes = z
  .array(z.object({ key: z.string(), value }))
  .default([])
  .transform((list) =>
    Object.fromEntries(list.map((one) => [one.key, Object.values(one.value)[0]])),
  );
const span = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.int(),
  attributes,
  links: z.array(z.object({ traceId: z.string(), spanId: z.string() })).default([]),
  status: z.object({ code: z.int().default(0) }),
});
const told = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
});

export type CollectedSpan = z.output<typeof span>;

/** Takes traces as a collector does (OTLP over HTTP, as JSON) and keeps them; a silent one never answers. */
export class TraceCollector {
  readonly spans: CollectedSpan[] = [];
  /** attributes of who tells */
  resource: Readonly<Record<string, unknown>> = {};
  /** all that came, as it came */
  raw = '';
  requests = 0;
  isSilent = false;

  /** answered when the collector ends, so that nobody who asked goes on trying */
  private readonly unanswered: ServerResponse[] = [];

  private constructor(private readonly server: Server) {}

  /** `port`: a free one unless given */
  static async start(port = 0): Promise<TraceCollector> {
    const server = createServer();
    const collector = new TraceCollector(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        collector.requests += 1;
        if (collector.isSilent) {
          collector.unanswered.push(response);
          return;
        }
        const isKnown = request.method === 'POST' && request.url === '/v1/traces';
        if (isKnown) collector.take(Buffer.concat(chunks).toString());
        response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  named(name: string): CollectedSpan[] {
    return this.spans.filter((one) => one.name === name);
  }

  /** Waits until spans of this name have come; gives the first. */
  async has(name: string, which: (span: CollectedSpan) => boolean = () => true) {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const found = this.named(name).find(which);
      if (found !== undefined) return found;
      if (Date.now() > deadline)
        throw new Error(
          `no such span "${name}" came; there are: ${[...new Set(this.spans.map((one) => one.name))].join(', ')}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.unanswered.map(
        (response) => new Promise<void>((resolve) => response.end('{}', resolve)),
      ),
    );
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take(text: string): void {
    this.raw += text;
    for (const { resource, scopeSpans } of told.parse(JSON.parse(text)).resourceSpans) {
      this.resource = resource.attributes;
      this.spans.push(...scopeSpans.flatMap(({ spans }) => spans));
    }
  }
}
