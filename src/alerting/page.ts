import type { Severity } from './severity.js';

/** What a page says besides its first line. No personal data and no secrets: it leaves the house. */
export interface PageBody {
  /** what happened, kebab-case, e.g. `incident-opened` */
  readonly kind: string;
  readonly severity: Severity;
  /** further sentences for people, one a line */
  readonly details: readonly string[];
  /** for programs */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** A message to the people on call, as it is written down. */
export interface NewPage {
  /** names the event that pages: a second page of the same key is not made */
  readonly dedupeKey: string;
  readonly incidentId: string | null;
  readonly firstLine: string;
  readonly body: PageBody;
  readonly now: Date;
  /** when the shop committed what this page is the first to tell of; left out where that is nothing of the shop's */
  readonly committedAt?: Date | null;
}

/** A page on its way to one receiver. */
export interface PageDelivery {
  readonly id: string;
  readonly pageId: string;
  readonly receiver: string;
  /** counts this attempt too */
  readonly attempt: number;
  readonly dedupeKey: string;
  readonly incidentId: string | null;
  readonly firstLine: string;
  readonly body: PageBody;
  readonly createdAt: Date;
  readonly committedAt: Date | null;
}
