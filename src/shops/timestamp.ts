const printed =
  /^(\d{4,})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/**
 * A date or timestamp as PostgreSQL prints it (DateStyle ISO), as RFC 3339 in UTC with microseconds.
 * One without a zone is taken as UTC. Null for what is no moment (`infinity`, years BC, other text).
 */
export function rfc3339(text: string): string | null {
  const parts = printed.exec(text);
  if (parts === null) return null;
  const [, year = '', month, day, hour = '00', minute = '00', second = '00'] = parts;
  const micros = (parts[7] ?? '').padEnd(6, '0');
  const offset = minutesOf(parts[8]);
  const moment = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (year.length > 4 || Number.isNaN(moment.getTime())) return null;
  const utc = new Date(moment.getTime() - offset * 60_000);
  return `${utc.toISOString().slice(0, 19)}.${micros}Z`;
}

function minutesOf(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  const minutes = zone.slice(3).replace(':', '');
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(minutes));
}
