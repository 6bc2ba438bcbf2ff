import { createHash, randomBytes } from 'node:crypto';

/** Starts every token, so that people and secret scanners recognise one. */
const prefix = 'rst_';

/** A new token: 32 random bytes. It is shown once; only its hash is stored. */
export function newToken(): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** What is stored and looked up. Plain SHA-256 suffices, since the token is random and not a password. */
export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The token of an `Authorization: Bearer ...` header, where it has the form of one. */
export function tokenOf(header: string | undefined): string | undefined {
  const match = /^Bearer (rst_[A-Za-z0-9_-]{43})$/.exec(header ?? '');
  return match?.[1];
}
