import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../platform/package-root.js';
import { alertNames, alertOf, type Finding } from './alert.js';

const finding: Finding = {
  id: 'f',
  shopId: 'main',
  detector: 'scan',
  fingerprint: 'print',
  state: 'live',
  slice: { payment_method: 'card', 'app.version': '8.4', shop: 'other' },
  sentence: '12 customers, 0.3 expected',
  measure: {
    orders: 12,
    accounts: 12,
    since: new Date('2026-03-01T12:00:00Z'),
    expected: 0.3,
    rising: true,
  },
  foundAt: new Date('2026-03-01T12:00:05Z'),
  closedAt: null,
  version: 3,
};

describe('the alert of a finding', () => {
  it('fires while the finding lives, with labels and annotations as in Alertmanager', () => {
    expect(alertOf(finding, { runbookUrl: 'https://x/runbooks/WrongfulCancellations' })).toEqual({
      shopId: 'main',
      findingId: 'f',
      findingVersion: 3,
      name: 'WrongfulCancellations',
      fingerprint: 'print',
      state: 'firing',
      labels: {
        alertname: 'WrongfulCancellations',
        shop: 'main',
        severity: 'high',
        detector: 'scan',
        slice_payment_method: 'card',
        slice_app_version: '8.4',
        slice_shop: 'other',
      },
      annotations: {
        summary: '12 customers, 0.3 expected',
        runbook_url: 'https://x/runbooks/WrongfulCancellations',
        orders: '12',
        customers: '12',
        expected: '0.3',
        since: '2026-03-01T12:00:00.000Z',
        rising: 'true',
      },
      startsAt: finding.foundAt,
      endsAt: null,
    });
  });

  it('is resolved when the finding closes', () => {
    const closedAt = new Date('2026-03-01T13:00:00Z');
    const alert = alertOf({ ...finding, state: 'closed', closedAt }, { runbookUrl: '' });
    expect([alert.state, alert.endsAt]).toEqual(['resolved', closedAt]);
  });
});

describe('a runbook', () => {
  it.each(alertNames)('of %s says meaning, impact, diagnosis and mitigation', async (name) => {
    const text = await readFile(join(packageRoot(), 'runbooks', `${name}.md`), 'utf8');
    const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);
    // its steps, where it has any, come last
    expect(headings.slice(0, 5)).toEqual([name, 'Meaning', 'Impact', 'Diagnosis', 'Mitigation']);
  });
});
