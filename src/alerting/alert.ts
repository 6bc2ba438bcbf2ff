import { z } from 'zod';
import { severityOf } from './severity.js';
import { streamAlertNames } from './streams/stream-cause.js';

/** The alert's name; `runbooks/<name>.md` says what to do about it. */
export const wrongfulCancellations = 'WrongfulCancellations';

/** All names that an alert of ours can have; each has its runbook. */
export const alertNames = [wrongfulCancellations, ...streamAlertNames] as const;

/**
 * A finding that pages, as in Alertmanager: state, fingerprint, labels, annotations. Alerts about a shop's
 * stream of order changes have no finding.
 */
export interface Alert {
  readonly id: string;
  readonly shopId: string;
  readonly findingId: string | null;
  readonly findingVersion: number | null;
  readonly name: string;
  readonly fingerprint: string;
  readonly state: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: Date;
  readonly endsAt: Date | null;
  /** grows with each change: readers compare it with the one they have seen */
  readonly version: number;
}

/** The numbers of a finding that alerts and incidents tell of; written by detection, read here as rows. */
export const findingMeasureSchema = z.object({
  orders: z.number().int(),
  accounts: z.number().int(),
  since: z.coerce.date(),
  expected: z.number(),
  rising: z.boolean(),
});
export type FindingNumbers = z.infer<typeof findingMeasureSchema>;

/** A finding as its row tells it. */
export interface Finding {
  readonly id: string;
  readonly shopId: string;
  readonly detector: string;
  readonly fingerprint: string;
  readonly state: 'live' | 'closed';
  readonly slice: Readonly<Record<string, string>>;
  readonly sentence: string;
  readonly measure: FindingNumbers;
  readonly foundAt: Date;
  readonly closedAt: Date | null;
  readonly version: number;
}

/** What an alert says of its finding, without the id and version of its own row. */
export type AlertContent = Omit<Alert, 'id' | 'version' | 'findingId' | 'findingVersion'> & {
  readonly findingId: string;
  readonly findingVersion: number;
};

/** The alert that tells of this finding as it stands now. */
export function alertOf(finding: Finding, options: { runbookUrl: string }): AlertContent {
  const { measure } = finding;
  return {
    shopId: finding.shopId,
    findingId: finding.id,
    findingVersion: finding.version,
    name: wrongfulCancellations,
    fingerprint: finding.fingerprint,
    state: finding.state === 'live' ? 'firing' : 'resolved',
    labels: {
      ...sliceLabels(finding.slice),
      alertname: wrongfulCancellations,
      shop: finding.shopId,
      severity: severityOf(measure),
      detector: finding.detector,
    },
    annotations: {
      summary: finding.sentence,
      runbook_url: options.runbookUrl,
      orders: String(measure.orders),
      customers: String(measure.accounts),
      expected: String(measure.expected),
      since: measure.since.toISOString(),
      rising: String(measure.rising),
    },
    startsAt: finding.foundAt,
    endsAt: finding.closedAt,
  };
}

/** Attributes of the slice as labels; their names are made to fit what Prometheus allows in a label. */
function sliceLabels(slice: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(slice).map(([name, value]) => [
      `slice_${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}`,
      value,
    ]),
  );
}
