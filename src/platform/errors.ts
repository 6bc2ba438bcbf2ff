/** What kind of answer a fault deserves; the HTTP layer maps it to a status (RFC 9457). */
export type FaultKind =
  'invalid' | 'unauthenticated' | 'forbidden' | 'missing' | 'conflict' | 'limited' | 'unavailable';

/** One thing that is wrong with an input: where it stands and what the way out is. */
export interface FieldFault {
  /** dotted path of the field, e.g. `shops[0].postgres.read` */
  readonly field: string;
  /** what is wrong and what would be right, in one sentence */
  readonly message: string;
}

/**
 * A refusal that the caller can understand and act on. `code` is from a closed list per feature
 * (kebab-case), stable, and usable as a metric label; `message` says what, why and the way out.
 */
export class Fault extends Error {
  override readonly name = 'Fault';

  constructor(
    readonly kind: FaultKind,
    readonly code: string,
    message: string,
    readonly details: { fields?: readonly FieldFault[]; data?: Record<string, unknown> } = {},
  ) {
    super(message);
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
