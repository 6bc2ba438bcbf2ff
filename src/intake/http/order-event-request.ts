import { Readable } from 'node:stream';
import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { itemOfHeaders } from './binary-mode.js';
import { itemsOf, mediaTypes, type Item } from './told-items.js';

const route = '/api/v1/order-events';

/**
 * Lets bodies of order events through as they come: they are bounded, and read, by whoever works on them.
 * Call it before the service listens. Other routes take none of these media types.
 */
export function acceptOrderEvents(server: FastifyInstance): void {
  server.addContentTypeParser(Object.values(mediaTypes), (request, payload, done) => {
    if (request.routeOptions.url === route) done(null, payload);
    else done(new UnsupportedMediaTypeException());
  });
}

/** The events that a request holds, in whichever of the modes of CloudEvents. */
export function itemsOfRequest(request: FastifyRequest): AsyncIterable<Item> {
  const { body, headers } = request;
  if (!(body instanceof Readable)) return itemOfHeaders(headers, body);
  const mediaType = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return itemsOfStream(body, mediaType);
}

/** Whoever stops reading still has to answer: the connection stays, and what else comes is let go. */
async function* itemsOfStream(body: Readable, mediaType: string): AsyncGenerator<Item> {
  try {
    const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    yield* itemsOf(chunks, mediaType);
  } finally {
    body.resume();
  }
}

/** The trace that the request belongs to, for events that bear none of their own. */
export function traceOfRequest({ headers }: FastifyRequest): string | null {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? traceparent : null;
}
