import { context, type Context, type Span } from '@opentelemetry/api';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { failed, startServerSpan } from '../telemetry/tracing/span.js';
import { loggedPath } from './request-log.js';

/**
 * Puts each request into a span, in the trace of its caller (`traceparent`) or in a new one. Call it before
 * all other hooks, and only where traces are sent. Neither headers, query nor address of the caller are told.
 */
export function traceRequests(app: NestFastifyApplication): void {
  const server = app.getHttpAdapter().getInstance();
  const contexts = new WeakMap<object, Context>();
  server.addHook('onRequest', (request, reply, done) => {
    if (/^\/(health|metrics)/.test(request.url)) {
      done();
      return;
    }
    const started = startServerSpan(
      { name: request.method, attributes: attributesOf(request) },
      headerOf(request),
    );
    contexts.set(request.raw, started.context);
    reply.raw.once('close', () => end(started.span, request, reply));
    context.with(started.context, done);
  });
  // reading the body leaves the context of the hooks before it
  server.addHook('preHandler', (request, _reply, done) =>
    context.with(contexts.get(request.raw) ?? context.active(), done),
  );
}

function attributesOf(request: FastifyRequest): Record<string, string> {
  return {
    'http.request.method': request.method,
    'url.path': loggedPath(request.url),
    'url.scheme': request.protocol,
  };
}

function end(span: Span, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url;
  if (route !== undefined) {
    span.setAttribute('http.route', route);
    span.updateName(`${request.method} ${route}`);
  }
  const { statusCode, writableFinished } = reply.raw;
  span.setAttribute('http.response.status_code', statusCode);
  if (statusCode >= 500) failed(span, String(statusCode));
  else if (!writableFinished) span.setAttribute('error.type', 'cut-off');
  span.end();
}

function headerOf({ headers }: FastifyRequest): string | undefined {
  const header = headers['traceparent'];
  return typeof header === 'string' ? header : undefined;
}
