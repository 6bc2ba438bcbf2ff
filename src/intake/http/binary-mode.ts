import { Fault } from '../../platform/errors.js';
import { bytesOf, itemOf, type Item } from './told-items.js';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * One event whose attributes stand in headers (`ce-id`, `ce-type` ...) and whose data is the body: the
 * binary mode of the HTTP binding of CloudEvents.
 * @throws Fault `media-type-unknown` for JSON that is no event
 */
export async function* itemOfHeaders(headers: Headers, data: unknown): AsyncGenerator<Item> {
  await Promise.resolve();
  if (headers['ce-specversion'] === undefined)
    throw new Fault(
      'invalid',
      'media-type-unknown',
      'order events are CloudEvents: send application/cloudevents+json, application/cloudevents-batch+json or application/x-ndjson, or headers such as ce-specversion beside application/json',
    );
  const attributes = Object.entries(headers)
    .filter(([name]) => name.startsWith('ce-'))
    .map(([name, value]) => [name.slice('ce-'.length), decoded(String(value))]);
  const value = { ...(Object.fromEntries(attributes) as object), data };
  yield itemOf(0, { value, bytes: bytesOf(value) });
}

/** Header values are percent-encoded UTF-8; what is not, stays as it is. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
