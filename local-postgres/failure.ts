/**
 * A failure around the local server, told to a person: what could not be done, why, and the way out.
 * It never carries the password, nor a statement that some client sent.
 */
export class LocalPostgresError extends Error {
  override readonly name = 'LocalPostgresError';

  constructor(parts: { what: string; why: string; wayOut: string }) {
    super(`${parts.what}: ${parts.why.trim()}\n${parts.wayOut}`);
  }
}

/** Whether a call of the file system failed with one of these codes (`ENOENT`, `EEXIST`, ...). */
export function failedWith(error: unknown, ...codes: string[]): boolean {
  // by shape, since an error of the runtime's own need not be an Error of this realm
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return codes.includes(String(error.code));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a promise gives, or `fallback` where it fails with one of the codes; other faults are thrown. */
export async function unless<T, F>(
  promise: Promise<T>,
  codes: string[],
  fallback: F,
): Promise<T | F> {
  try {
    return await promise;
  } catch (error) {
    if (failedWith(error, ...codes)) return fallback;
    throw error;
  }
}
