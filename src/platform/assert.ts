/** A broken assumption of ours, never a user's fault. It stays on in production: see docs/STYLE.md. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Stops at once where `condition` does not hold; `message` says which assumption was broken. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The value, which by our own logic cannot be missing here. */
export function present<T>(value: T | null | undefined, message: string): T {
  assert(value !== null && value !== undefined, message);
  return value;
}

/** For the default branch of a switch over a union that has been handled whole. */
export function unreachable(value: never): never {
  throw new AssertionError(`unhandled case: ${JSON.stringify(value)}`);
}
