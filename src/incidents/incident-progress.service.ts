import { Injectable } from '@nestjs/common';
import { PageService } from '../alerting/page.service.js';
import { isMoreSevere, type Severity } from '../alerting/severity.js';
import type { Transaction } from '../platform/database/database.js';
import { GrowthStore, type AlertNumbers } from './growth.store.js';
import {
  harmedOrders,
  incidentLine,
  severityByNumbers,
  type IncidentNumbers,
  type IncidentTrend,
} from './incident-line.js';
import type { Incident } from './incident.js';
import { IncidentStore } from './incident.store.js';
import type { NewTimelineEntry } from './timeline.js';

/** An incident's state in numbers and words. */
export interface IncidentState {
  readonly line: string;
  readonly severity: Severity;
  readonly numbers: IncidentNumbers;
  /** when the shop committed what made the finding of its alert; null where there is none, or that is not known */
  readonly committedAt: Date | null;
}

/** Keeps an incident's line and severity true to its cases, and pages when it opens and when it grows worse. */
@Injectable()
export class IncidentProgressService {
  constructor(
    private readonly store: GrowthStore,
    private readonly incidents: IncidentStore,
    private readonly pages: PageService,
  ) {}

  /** What detection says of it; null for an incident that was only declared. */
  async trendOf(transaction: Transaction, incidentId: string): Promise<IncidentTrend | null> {
    return trendOf(await this.store.alertNumbers(transaction, incidentId));
  }

  /** What its cases and its alerts come to now. */
  async stateOf(transaction: Transaction, incident: Incident): Promise<IncidentState> {
    const numbers = await this.store.numbers(transaction, incident.id);
    const alerts = await this.store.alertNumbers(transaction, incident.id);
    const trend = trendOf(alerts);
    return {
      numbers,
      committedAt: alerts.find(({ id }) => id === incident.alertId)?.committedAt ?? null,
      line: incidentLine(numbers, trend),
      severity: severityByNumbers(incident, numbers, trend),
    };
  }

  /**
   * Writes a new line and severity, if they are new, and gives what the timeline is to tell of them.
   * Pages once for the incident (as soon as there is an order to care about) and at each higher severity.
   */
  async refresh(
    transaction: Transaction,
    incident: Incident,
    change: { now: Date; added: number; opened: boolean },
  ): Promise<NewTimelineEntry[]> {
    const state = await this.stateOf(transaction, incident);
    const raised = isMoreSevere(state.severity, incident.severity);
    if (!change.opened && !raised && state.line === incident.title) return [];
    const { line: title, severity } = state;
    await this.incidents.update(transaction, incident.id, { title, severity });
    await this.page(transaction, incident, { ...state, now: change.now, raised });
    return change.opened
      ? [openedEntry(incident, state, change.added)]
      : changeEntries(incident, state, change.added);
  }

  /** Pages for an incident that goes on again. */
  async pageReopened(
    transaction: Transaction,
    incident: Incident,
    change: { now: Date; reason: string },
  ): Promise<void> {
    const state = await this.stateOf(transaction, incident);
    await this.send(transaction, incident, {
      ...{ state, now: change.now, kind: 'incident-reopened' },
      dedupeKey: `incident:${incident.id}:reopened:${incident.version}`,
      details: [`Reopened: ${change.reason}`],
    });
  }

  private async page(
    transaction: Transaction,
    incident: Incident,
    state: IncidentState & { now: Date; raised: boolean },
  ): Promise<void> {
    if (harmedOrders(state.numbers) === 0) return;
    const { committedAt } = state;
    const opened = await this.send(transaction, incident, {
      ...{ state, now: state.now, kind: 'incident-opened' },
      dedupeKey: `incident:${incident.id}:opened`,
      details: [],
      committedAt,
    });
    if (opened || !state.raised) return;
    await this.send(transaction, incident, {
      ...{ state, now: state.now, kind: 'incident-escalated' },
      dedupeKey: `incident:${incident.id}:severity:${state.severity}`,
      details: [`Severity raised from ${incident.severity} to ${state.severity}.`],
    });
  }

  private async send(
    transaction: Transaction,
    incident: Incident,
    page: {
      state: IncidentState;
      now: Date;
      kind: string;
      dedupeKey: string;
      details: readonly string[];
      committedAt?: Date | null;
    },
  ): Promise<boolean> {
    const { line, severity, numbers } = page.state;
    const { wrongful, unsure, intended } = numbers.verdicts;
    const id = await this.pages.enqueue(transaction, {
      dedupeKey: page.dedupeKey,
      incidentId: incident.id,
      firstLine: line,
      body: {
        kind: page.kind,
        severity,
        details: [
          ...page.details,
          `Incident ${incident.number} of shop ${incident.shopId}.`,
          `Verdicts: ${wrongful} wrongful, ${unsure} unsure, ${intended} intended.`,
        ],
        data: {
          incidentNumber: incident.number,
          shop: incident.shopId,
          verdicts: numbers.verdicts,
        },
      },
      now: page.now,
      committedAt: page.committedAt ?? null,
    });
    return id !== undefined;
  }
}

function openedEntry(incident: Incident, state: IncidentState, orders: number): NewTimelineEntry {
  const { line, severity } = state;
  return { type: 'incident-opened', data: { line, severity, alertId: incident.alertId, orders } };
}

function changeEntries(
  incident: Incident,
  state: IncidentState,
  added: number,
): NewTimelineEntry[] {
  const { line, severity, numbers } = state;
  const entries: NewTimelineEntry[] = [];
  if (line !== incident.title) entries.push({ type: 'line-changed', data: { line, added } });
  if (severity !== incident.severity) {
    const data = { from: incident.severity, to: severity, orders: harmedOrders(numbers) };
    entries.push({ type: 'severity-raised', data });
  }
  return entries;
}

/** The newest alert gives the numbers; any that fires and rises says that it goes on. */
function trendOf(alerts: readonly AlertNumbers[]): IncidentTrend | null {
  const [newest] = alerts;
  if (newest === undefined) return null;
  return {
    expected: newest.measure.expected,
    firing: alerts.some((alert) => alert.firing),
    rising: alerts.some((alert) => alert.firing && alert.measure.rising),
  };
}
