/**
 * Names a history of a PostgreSQL server: `systemIdentifier/timeline`. Transaction ids and LSNs mean the
 * same only within one. The journal's `SourcePosition.incarnation` begins so too, and goes on with the
 * generation of the replication slot.
 */
export function serverIncarnation(server: { systemIdentifier: string; timeline: string }): string {
  return `${server.systemIdentifier}/${server.timeline}`;
}

/** Whether two incarnations, with or without a slot's generation, are of one server and one timeline. */
export function isSameServer(incarnations: { one: string; other: string }): boolean {
  const [one, other] = [incarnations.one, incarnations.other].map((text) =>
    text.split('/').slice(0, 2).join('/'),
  );
  return one === other;
}
