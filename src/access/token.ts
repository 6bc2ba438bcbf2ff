import { createHash, randomBytes } from 'node:crypto';

/** Starts every token, so that people and secret scanners recognise one. */
const prefix = 'rst_';
const form = /^rst_[A-Za-z0-9_-]{43}$/;

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
  return ofForm(/^Bearer +(\S+)$/i.exec(header ?? '')?.[1]);
}

/** The token that a browser sends as the password of an `Authorization: Basic ...` header. */
export function basicTokenOf(header: string | undefined): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString();
  const colon = decoded.indexOf(':');
  return colon < 0 ? undefined : ofForm(decoded.slice(colon + 1));
}

function ofForm(token: string | undefined): string | undefined {
  return token !== undefined && form.test(token) ? token : undefined;
}
