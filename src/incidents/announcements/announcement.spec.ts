import { coveringAnnouncement, fitsCancellation, wasInForce } from './announcement.js';

const at = (time: string) => new Date(`2026-03-01T${time}Z`);
const announcement = {
  id: 'a',
  shopId: 'shop',
  filter: { attributes: { warehouse: 'north' } },
  startsAt: at('10:00:00'),
  endsAt: at('11:00:00'),
  greatestCount: 2,
  reason: 'warehouse north is closed',
  announcedBy: 'p',
  createdAt: at('09:00:00'),
  withdrawnAt: null,
  withdrawnBy: null,
  lastCoveredPosition: null,
};
const cancellation = {
  attributes: { warehouse: 'north', channel: 'web' },
  actorKind: 'job',
  actor: 'closing',
  reason: 'closed',
} as const;

describe('an announcement', () => {
  it.each([
    ['before it', '09:59:59', false],
    ['at its start', '10:00:00', true],
    ['within', '10:30:00', true],
    ['at its end', '11:00:00', false],
  ])('is in force %s: %s', (_when, time, inForce) => {
    expect(wasInForce(announcement, at(time))).toBe(inForce);
  });

  it('does not reach back before it was made', () => {
    const late = { ...announcement, createdAt: at('10:30:00') };
    expect(wasInForce(late, at('10:29:59'))).toBe(false);
    expect(wasInForce(late, at('10:30:00'))).toBe(true);
  });

  it('ends when it is withdrawn, and not for what went before', () => {
    const withdrawn = { ...announcement, withdrawnAt: at('10:30:00') };
    expect(wasInForce(withdrawn, at('10:29:59'))).toBe(true);
    expect(wasInForce(withdrawn, at('10:30:00'))).toBe(false);
  });

  it('covers no more than its greatest count', () => {
    const used = [{ ...announcement, lastCoveredPosition: 17 }];
    const one = { ...cancellation, at: at('10:10:00') };
    expect(coveringAnnouncement(used, { ...one, position: 17 })?.id).toBe('a');
    expect(coveringAnnouncement(used, { ...one, position: 18 })).toBeUndefined();
  });
});

describe('a filter', () => {
  it.each([
    [{}, true],
    [{ attributes: { warehouse: 'north' } }, true],
    [{ attributes: { warehouse: 'south' } }, false],
    [{ attributes: { warehouse: 'north', region: 'x' } }, false],
    [{ actorKind: 'job' as const, actor: 'closing', reason: 'closed' }, true],
    [{ actorKind: 'staff' as const }, false],
    [{ actor: 'other' }, false],
    [{ reason: 'other' }, false],
  ])('%j fits: %s', (filter, fits) => {
    expect(fitsCancellation(filter, cancellation)).toBe(fits);
  });
});
