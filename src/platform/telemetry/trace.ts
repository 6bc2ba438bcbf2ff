/** What stands for "no trace" in https://www.w3.org/TR/trace-context/#trace-id. */
const noTrace = '0'.repeat(32);

/** The trace id of a W3C `traceparent`, where it is one. */
export function traceIdOf(traceparent: string | null | undefined): string | undefined {
  const match = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent ?? '');
  return match?.[1] === noTrace ? undefined : match?.[1];
}
