import { describe, expect, it } from '@jest/globals';
import { traceIdOf } from './logger.js';

describe('the trace id of a request', () => {
  it('is the caller’s', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    expect(traceIdOf({ headers: { traceparent } })).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  });

  it.each([undefined, '', 'x', '00-4bf92f3577b34da6a3ce929d0e0e4736\n-00f067aa0ba902b7-01'])(
    'is a new one where the header is %j',
    (traceparent) => {
      const headers = traceparent === undefined ? {} : { traceparent };
      expect(traceIdOf({ headers })).toMatch(/^[0-9a-f]{32}$/);
      expect(traceIdOf({ headers })).not.toBe(traceIdOf({ headers }));
    },
  );
});
