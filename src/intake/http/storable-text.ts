/** Deeper than any event; what goes on for ever would end the process. */
const depthMax = 20;

/** Whether a parsed JSON value holds a text that PostgreSQL cannot keep, or is nested too deeply to look at. */
export function hasUnstorableText(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed();
  if (typeof value !== 'object' || value === null) return false;
  if (depth >= depthMax) return true;
  if (Array.isArray(value)) return value.some((child) => hasUnstorableText(child, depth + 1));
  const named = value as Readonly<Record<string, unknown>>;
  return Object.keys(named).some(
    (name) => hasUnstorableText(name) || hasUnstorableText(named[name], depth + 1),
  );
}
