import { describe, expect, it } from '@jest/globals';
import { linksMax, linksTo, spanContextOf } from './span.js';

const traceparent = (trace: string, span = '00f067aa0ba902b7') => `00-${trace}-${span}-01`;
const trace = (number: number) => number.toString(16).padStart(32, '0');

describe('what a traceparent names', () => {
  it('is a span of somebody else', () => {
    expect(spanContextOf(traceparent(trace(1)))).toEqual({
      traceId: trace(1),
      spanId: '00f067aa0ba902b7',
      traceFlags: 1,
      isRemote: true,
    });
  });

  it.each([
    null,
    undefined,
    '',
    'text',
    traceparent(trace(0)),
    traceparent(trace(1), '0'.repeat(16)),
    `01-${trace(1)}-00f067aa0ba902b7-01`,
    `${traceparent(trace(1))}\n`,
  ])('is nothing in %j', (text) => {
    expect(spanContextOf(text)).toBeUndefined();
  });
});

describe('links', () => {
  it('lead to each trace once, to its first span, in the order in which they were named', () => {
    const named = [
      traceparent(trace(2), '1'.repeat(16)),
      null,
      traceparent(trace(1)),
      traceparent(trace(2), '2'.repeat(16)),
    ];
    const found = linksTo(named).map(({ context }) => `${context.traceId} ${context.spanId}`);
    expect(found).toEqual([`${trace(2)} ${'1'.repeat(16)}`, `${trace(1)} 00f067aa0ba902b7`]);
  });

  it('are bounded: the first ones are kept', () => {
    const named = Array.from({ length: 20 }, (_, index) => traceparent(trace(index + 1)));
    const found = linksTo(named).map(({ context }) => context.traceId);
    expect(found).toEqual(Array.from({ length: linksMax }, (_, index) => trace(index + 1)));
  });
});
