import type { Role } from './role.js';

/** Who makes a request: a person (or service) through one of their tokens. */
export interface Caller {
  /** the same for all tokens of one person: what the two-person rule counts */
  readonly personId: string;
  readonly name: string;
  readonly kind: 'person' | 'service';
  readonly role: Role;
  readonly tokenId: string;
}
