import { describe, expect, it } from '@jest/globals';
import {
  fingerprintOf,
  planStreamAlerts,
  type OpenStreamAlert,
  type StreamAlertChange,
} from './stream-alert.js';
import type { StreamCause } from './stream-cause.js';

const now = new Date('2026-03-01T12:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);
const cause = (given: Partial<StreamCause> = {}): StreamCause => ({
  key: 'stalled',
  name: 'IntakeStalled',
  severity: 'high',
  graceMs: 60_000,
  summary: 'nothing comes in',
  ...given,
});

function open(given: Partial<OpenStreamAlert> & { seen: number }): OpenStreamAlert {
  return {
    id: 'a',
    fingerprint: fingerprintOf('main', cause()),
    state: 'firing',
    seenSince: ago(600),
    seenAt: ago(given.seen),
    summary: 'nothing comes in',
    ...given,
  };
}

function plan(given: {
  causes?: StreamCause[];
  open?: OpenStreamAlert[];
  isWell?: boolean;
}): StreamAlertChange[] {
  return planStreamAlerts({ shopId: 'main', now, causes: [], open: [], isWell: true, ...given });
}

describe('a cause', () => {
  it('is pending first, and fires at once where it is past waiting for', () => {
    expect(plan({ causes: [cause()] })).toMatchObject([{ do: 'open', fires: false }]);
    expect(plan({ causes: [cause({ graceMs: 0 })] })).toMatchObject([{ do: 'open', fires: true }]);
  });

  it.each([
    [59, false],
    [60, true],
  ])('that is there for %d s fires: %s', (seconds, fires) => {
    const pending = open({ state: 'pending', seenSince: ago(seconds), seen: 5 });
    expect(plan({ causes: [cause()], open: [pending] })).toMatchObject([{ do: 'see', fires }]);
  });

  it('that was away for longer than a moment begins anew', () => {
    const pending = open({ state: 'pending', seenSince: ago(3_600), seen: 16 });
    expect(plan({ causes: [cause()], open: [pending] })).toMatchObject([
      { do: 'see', fires: false, seenSince: now },
    ]);
  });

  it('that fires already fires no second time', () => {
    expect(plan({ causes: [cause()], open: [open({ seen: 5 })] })).toMatchObject([
      { do: 'see', fires: false },
    ]);
  });
});

describe('a cause that is gone', () => {
  it('before it fired is forgotten', () => {
    expect(plan({ open: [open({ state: 'pending', seen: 15 })] })).toEqual([]);
    expect(plan({ open: [open({ state: 'pending', seen: 16 })] })).toMatchObject([
      { do: 'forget' },
    ]);
  });

  it('resolves after a minute', () => {
    expect(plan({ open: [open({ seen: 59 })] })).toEqual([]);
    expect(plan({ open: [open({ seen: 60 })] })).toMatchObject([{ do: 'resolve' }]);
  });

  it('does not resolve while nothing comes in for another reason', () => {
    expect(plan({ open: [open({ seen: 600 })], isWell: false })).toMatchObject([
      { do: 'see', cause: null, fires: false },
    ]);
  });

  it('of single rows is one matter for an hour', () => {
    const fingerprint = fingerprintOf('main', { key: 'unknown-rows' });
    expect(plan({ open: [open({ fingerprint, seen: 3_599 })] })).toEqual([]);
    expect(plan({ open: [open({ fingerprint, seen: 3_600 })] })).toMatchObject([{ do: 'resolve' }]);
  });
});

it('each cause of a shop has its own alert', () => {
  const causes = [cause(), cause({ key: 'gap', graceMs: 0 })];
  expect(plan({ causes, open: [open({ seen: 5 })] }).map((change) => change.do)).toEqual([
    'see',
    'open',
  ]);
});
