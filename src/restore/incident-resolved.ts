import type { Incident } from '../incidents/incident.js';
import { Fault } from '../platform/errors.js';

/** What stands against writing to the shop for an incident that is over: planning, starting and going on alike. */
export const incidentResolved = 'incident-resolved';

export function incidentResolvedWords({ number }: Pick<Incident, 'number'>): string {
  return `incident ${number} is resolved; reopen it first`;
}

export function incidentResolvedFault(incident: Pick<Incident, 'number'>): Fault {
  return new Fault('conflict', incidentResolved, incidentResolvedWords(incident));
}
