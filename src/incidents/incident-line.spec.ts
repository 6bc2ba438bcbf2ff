import { incidentLine, severityByNumbers, type IncidentNumbers } from './incident-line.js';

const numbers: IncidentNumbers = {
  verdicts: { wrongful: 12, intended: 1, unsure: 2 },
  paid: 13,
  customers: 13,
  money: [
    { amountMinor: 123_450, currency: 'EUR' },
    { amountMinor: 9_900, currency: 'SEK' },
  ],
  since: new Date('2026-03-01T03:02:11.250Z'),
  by: { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received', orders: 13 },
};
const rising = { expected: 0.31, rising: true, firing: true };

describe('incident line', () => {
  it('says how many, how much, since when, by what, how many expected, and whether it goes on', () => {
    expect(incidentLine(numbers, rising)).toBe(
      '13 paid orders of 13 customers (EUR 1,234.50 + SEK 99.00) cancelled since 2026-03-01 03:02:11 UTC ' +
        'by the job “unpaid-orders”, reason “payment not received”; 0.3 expected in that time; still rising',
    );
  });

  it('says that it does not rise any more, and that it is over', () => {
    expect(incidentLine(numbers, { ...rising, rising: false })).toMatch(/; not rising any more$/);
    expect(incidentLine(numbers, { expected: 41.6, rising: false, firing: false })).toMatch(
      /; 42 expected in that time; over$/,
    );
  });

  it('says of how many it knows the actor where they differ', () => {
    const by = { actorKind: 'unknown', actor: null, reason: null, orders: 9 } as const;
    expect(incidentLine({ ...numbers, by }, rising)).toContain(
      'mostly (9) by an unknown actor, without a reason;',
    );
  });

  it('names no customer, and no reason that stands on one order only', () => {
    const anna = { actorKind: 'customer', actor: 'anna@example.com', orders: 1 } as const;
    const by = { ...anna, reason: 'call Anna on 555' };
    const line = incidentLine({ ...numbers, by }, rising);
    expect(line).toContain('mostly (1) by customers, for a reason of its own;');
    expect(line).not.toMatch(/anna|555/i);
  });

  it('is one line, whatever the shop’s rows say, and short enough to be read', () => {
    const reason = `closed\r\nBcc: x\u0007${'y'.repeat(300)}`;
    const by = { actorKind: 'job', actor: 'a\tb', reason, orders: 13 } as const;
    const line = incidentLine({ ...numbers, by }, rising);
    expect(line).toContain('by the job “a b”, reason “closed Bcc: x yyy');
    expect(line).toContain('…”;');
    expect(line.length).toBeLessThan(300);
  });

  it('counts orders where no money is held', () => {
    const line = incidentLine({ ...numbers, paid: 0, money: [], customers: 1 }, null);
    expect(line).toMatch(/^14 orders of 1 customer cancelled since .*; declared by hand$/);
  });

  it('says so where everything was meant', () => {
    const verdicts = { wrongful: 0, unsure: 0, intended: 30 };
    const line = incidentLine({ ...numbers, verdicts, paid: 0, by: null, money: [] }, rising);
    expect(line).toBe(
      '30 cancellations, all look intended; 0.3 expected in that time; still rising',
    );
  });
});

describe('severity by numbers', () => {
  const incident = { severity: 'low', severityBy: null } as const;

  it.each([
    [4, true, 'low'],
    [5, false, 'high'],
    [19, true, 'high'],
    [20, true, 'critical'],
    [99, false, 'high'],
    [100, false, 'critical'],
  ])('%i paid orders, rising %s: %s', (paid, isRising, severity) => {
    const trend = { ...rising, rising: isRising };
    expect(severityByNumbers(incident, { ...numbers, paid }, trend)).toBe(severity);
  });

  it('is never lowered by numbers', () => {
    const critical = { severity: 'critical', severityBy: null } as const;
    expect(severityByNumbers(critical, { ...numbers, paid: 1 }, null)).toBe('critical');
  });

  it('is left alone where a person has set it', () => {
    const byHand = { severity: 'low', severityBy: 'somebody' } as const;
    expect(severityByNumbers(byHand, { ...numbers, paid: 500 }, rising)).toBe('low');
  });
});
