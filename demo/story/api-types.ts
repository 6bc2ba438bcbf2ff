/** What the story reads of the API's answers; see /api/docs for all of it. */

export interface Listed<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

export interface StreamStatus {
  readonly state: string;
  readonly lagBytes: number | null;
  readonly snapshotRows: number;
  readonly problem: string | null;
}

export interface Incident {
  readonly id: string;
  readonly number: number;
  readonly title: string;
  readonly severity: string;
  readonly status: string;
  readonly openedAt: string;
  readonly cases: {
    readonly total: number;
    readonly byState: Readonly<Record<string, number>>;
    readonly byVerdict: Readonly<Record<string, number>>;
  };
}

export interface Case {
  readonly id: string;
  readonly orderId: string;
  readonly orderNumber: string;
  readonly state: string;
  readonly verdict: 'wrongful' | 'intended' | 'unsure';
  readonly reasons: readonly { readonly words: string }[];
  readonly cancelledAt: string;
}

export interface Plan {
  readonly id: string;
  readonly number: number;
  readonly hash: string;
  readonly state: string;
  readonly reopen: number;
  readonly person: number;
  readonly notes: readonly string[];
}

export interface PlannedChange {
  readonly do: 'set' | 'move' | 'insert' | 'delete';
  readonly table: string;
  readonly key?: readonly string[];
}

export interface PlanItem {
  readonly id: string;
  readonly orderId: string;
  readonly orderNumber: string;
  readonly disposition: 'reopen' | 'person';
  readonly changes: readonly PlannedChange[];
  readonly words: {
    readonly headline: string;
    readonly changes: readonly string[];
    readonly risks: readonly string[];
  };
}

export interface Bleeding {
  readonly bleeding: boolean;
  /** while it bleeds and only silence is waited for */
  readonly mayBeOverAt?: string | null;
}

export interface Run {
  readonly id: string;
  readonly state: 'running' | 'paused' | 'stopped' | 'finished';
  readonly stopReason: string | null;
  readonly items: Readonly<Record<string, number>>;
}

export interface TimelineEntry {
  readonly at: string;
  readonly type: string;
  readonly caseId: string | null;
  readonly person: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface OrderView {
  readonly order: { readonly status: string; readonly totalMinor: number };
}

/** An order of a run. */
export interface RunItem {
  readonly orderId: string;
  readonly orderNumber: string | null;
  /** 0: the canary */
  readonly stage: number;
  readonly appliedAt: string | null;
  readonly verifiedAt: string | null;
}
