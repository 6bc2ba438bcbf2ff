import { describe, expect, it } from '@jest/globals';
import { eventsOf, type StreamEvent } from './event-stream.js';

async function cut(...chunks: string[]): Promise<StreamEvent[]> {
  async function* arriving(): AsyncGenerator<string> {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  }
  const events: StreamEvent[] = [];
  for await (const event of eventsOf(arriving())) events.push(event);
  return events;
}

describe('server-sent events', () => {
  const text =
    'event: progress\nid: 7\ndata: {"a":1}\n\n: still here\n\ndata: two\ndata: lines\n\n';
  const events = [
    { event: 'progress', data: '{"a":1}', id: '7' },
    { event: 'message', data: 'two\nlines', id: undefined },
  ];

  it('are found however the stream is cut', async () => {
    expect(await cut(text)).toEqual(events);
    expect(await cut(...text.split(''))).toEqual(events);
    expect(await cut(...text.replaceAll('\n', '\r\n').split(''))).toEqual(events);
  });

  it('count only when they are whole', async () => {
    expect(await cut('data: broken off')).toEqual([]);
    expect(await cut('event: without data\n\n')).toEqual([]);
    expect(await cut('data\n\n')).toEqual([{ event: 'message', data: '', id: undefined }]);
  });
});
