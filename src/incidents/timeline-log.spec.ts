import { describe, expect, it } from '@jest/globals';
import { withLogContext } from '../platform/telemetry/log-context.js';
import { timelineLine } from './timeline-log.js';

const runId = '0192f0c1-7a5b-7c3d-8e4f-000000000001';
const planId = '0192f0c1-7a5b-7c3d-8e4f-000000000002';
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const subject = {
  caseId: 'case',
  orderId: '7',
  traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
};
const place = { incidentId: 'incident', shopId: 'main', subject };

describe('the log line of a timeline entry', () => {
  it('names all that it is about, each in its field', () => {
    const data = {
      runId,
      orderId: '7',
      orderNumber: 'S-7',
      reason: 'shipped',
      words: 'on its way',
    };
    expect(timelineLine({ type: 'order-refused', caseId: 'case', data }, place)).toEqual({
      level: 'warn',
      message: 'order refused',
      event: {
        event: 'order-refused',
        trace_id: traceId,
        shop: 'main',
        incident_id: 'incident',
        case_id: 'case',
        order_id: '7',
        person_id: undefined,
        restore_run_id: runId,
        reason: 'shipped',
      },
    });
  });

  it('holds nobody’s words', () => {
    const secret = 'Ann Example called';
    const lines = [
      timelineLine({ type: 'comment', data: { text: secret } }, place),
      timelineLine(
        { type: 'plan-rejected', data: { planId, planNumber: 1, reason: secret } },
        place,
      ),
      timelineLine(
        { type: 'verdict-set', data: { from: 'unsure', to: 'intended', reason: secret } },
        place,
      ),
      timelineLine(
        {
          type: 'order-settled',
          data: {
            runId,
            orderId: '7',
            orderNumber: null,
            outcome: 'applied',
            reason: secret,
            words: secret,
          },
        },
        place,
      ),
    ];
    expect(JSON.stringify(lines)).not.toContain('Ann');
  });

  it('belongs to the trace of the request that made it, where there is one', () => {
    const own = 'f'.repeat(32);
    const line = withLogContext({ trace_id: own }, () =>
      timelineLine({ type: 'incident-acknowledged', data: {} }, place),
    );
    expect(line.event.trace_id).toBe(own);
  });
});
