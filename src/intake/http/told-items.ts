import { Fault } from '../../platform/errors.js';
import { readLines, readWhole } from './body-reader.js';
import type { RejectionCode } from './order-event.schema.js';
import { eventBytesMax } from './read-event.js';

/** A single event or a batch is held in memory whole. */
export const bodyBytesMax = 4 * 1_048_576;
/** A stream of lines is not: it is worked on as it comes. */
export const streamBytesMax = 256 * 1_048_576;

/** What stands at one place of a body: a parsed value, or why there is none. */
export type Item =
  | { readonly index: number; readonly value: unknown; readonly bytes: number }
  | { readonly index: number; readonly fault: RejectionCode; readonly detail: string };

export const mediaTypes = {
  single: 'application/cloudevents+json',
  batch: 'application/cloudevents-batch+json',
  lines: 'application/x-ndjson',
} as const;

/**
 * What a body holds, one after the other.
 * @throws PayloadTooLargeException, or Fault `body-malformed` for a body that is no JSON as a whole
 */
export async function* itemsOf(
  body: AsyncIterable<Uint8Array>,
  mediaType: string,
): AsyncGenerator<Item> {
  if (mediaType === mediaTypes.lines) {
    yield* itemsOfLines(body);
    return;
  }
  const text = await readWhole(body, bodyBytesMax);
  const value = parsedBody(text);
  if (mediaType === mediaTypes.single) {
    yield itemOf(0, { value, bytes: Buffer.byteLength(text) });
    return;
  }
  if (!Array.isArray(value))
    throw new Fault('invalid', 'body-malformed', 'a batch is a JSON array of events');
  for (const [index, one] of (value as unknown[]).entries())
    yield itemOf(index, { value: one, bytes: bytesOf(one) });
}

async function* itemsOfLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<Item> {
  const limits = { lineBytesMax: eventBytesMax, bytesMax: streamBytesMax };
  let index = 0;
  for await (const line of readLines(body, limits)) {
    yield 'text' in line ? lineItem(index, line.text) : { index, ...faults[line.fault] };
    index += 1;
  }
}

const tooLarge = {
  fault: 'event-too-large',
  detail: `an event has at most ${eventBytesMax} bytes`,
} as const;

const faults = {
  'too-long': tooLarge,
  'not-utf-8': { fault: 'malformed', detail: 'the line is not written in UTF-8' },
  cut: {
    fault: 'request-too-large',
    detail: `a stream has at most ${streamBytesMax} bytes: nothing was read from here on, send it in a request of its own`,
  },
} as const;

export function itemOf(index: number, { value, bytes }: { value: unknown; bytes: number }): Item {
  return bytes > eventBytesMax ? { index, ...tooLarge } : { index, value, bytes };
}

function lineItem(index: number, text: string): Item {
  try {
    return { index, value: JSON.parse(text) as unknown, bytes: Buffer.byteLength(text) };
  } catch {
    return { index, fault: 'malformed', detail: 'the line is no JSON' };
  }
}

/** How large a parsed value is as JSON; endless for one that is nested too deeply to be written again. */
export function bytesOf(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value ?? null));
  } catch {
    return Infinity;
  }
}

function parsedBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Fault('invalid', 'body-malformed', 'the body is no JSON');
  }
}
