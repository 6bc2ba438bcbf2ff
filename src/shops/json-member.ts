/** A member of the JSON object that a text holds; undefined where the text is no such thing, as in some rows. */
export function jsonMember(json: string | null, name: string): unknown {
  try {
    const value: unknown = JSON.parse(json ?? 'null');
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)[name]
      : undefined;
  } catch {
    return undefined;
  }
}
