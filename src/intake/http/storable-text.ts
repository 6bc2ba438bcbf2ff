/** Deeper than any event; what goes on for ever would end the process. */
const depthMax = 20;

/** Whether a parsed JSON value holds a text that PostgreSQL cannot keep, or is nested too deeply to look at. */
export function hasUnstorableText(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed();
  if (typeof value !== 'object' || value === null) return false;
  if (depth >= depthMax) return true;
  return Object.entries(value).some(
    ([name, child]) => hasUnstorableText(name) || hasUnstorableText(child, depth + 1),
  );
}
