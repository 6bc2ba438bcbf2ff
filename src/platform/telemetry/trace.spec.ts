import { describe, expect, it } from '@jest/globals';
import { traceIdOf } from './trace.js';

describe('the trace id of a traceparent', () => {
  it('is its second part', () => {
    expect(traceIdOf('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')).toBe(
      '4bf92f3577b34da6a3ce929d0e0e4736',
    );
  });

  it.each([
    undefined,
    null,
    '',
    'x',
    '00-4bf92f3577b34da6a3ce929d0e0e4736\n-00f067aa0ba902b7-01',
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  ])('is not there in %j', (traceparent) => {
    expect(traceIdOf(traceparent)).toBeUndefined();
  });
});
