import { createHmac } from 'node:crypto';

/**
 * The value of `Reinstate-Signature`: `t=<unix seconds>,v1=<hex HMAC-SHA256>` over `<t>.<raw body>`.
 * The receiver works it out over the raw body, compares in constant time, and refuses old timestamps.
 */
export function signatureOf(body: string, options: { secret: string; now: Date }): string {
  const seconds = Math.floor(options.now.getTime() / 1000);
  const digest = createHmac('sha256', options.secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${digest}`;
}
