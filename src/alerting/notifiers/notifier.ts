import type { PageDelivery } from '../page.js';

/** Why an attempt to deliver failed: closed list, also the metric's label. */
export const deliveryFailures = [
  /** no answer in time */
  'timeout',
  /** no connection: name, network, TLS */
  'unreachable',
  /** asked to come back later */
  'limited',
  /** the receiver's own error, or any temporary refusal */
  'receiver-error',
  /** refused for good: the request or the message is not taken */
  'rejected',
  /** sent elsewhere; a signed page does not follow */
  'redirected',
  /** no such receiver in the configuration any more */
  'receiver-unknown',
] as const;
export type DeliveryFailure = (typeof deliveryFailures)[number];

/** What one attempt has come to. `detail` is short and free of secrets and addresses. */
export type DeliveryResult =
  | { readonly outcome: 'delivered'; readonly note: string | null }
  | {
      readonly outcome: 'failed';
      readonly reason: DeliveryFailure;
      /** whether trying again can help */
      readonly retry: boolean;
      /** not before this long, where the receiver said so */
      readonly retryAfterMs?: number | undefined;
      readonly detail: string;
    };

/** The way to one receiver of pages. It classifies every expected failure and throws none. */
export interface Notifier {
  readonly receiver: string;
  /** One attempt; `incidentUrl` leads to what the page is about. */
  send(
    delivery: PageDelivery,
    context: { now: Date; incidentUrl: string | null },
  ): Promise<DeliveryResult>;
  /** Lets go of connections. */
  close(): void;
}

/** Codes of Node's network errors that mean "no connection". */
const timeoutCodes = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT']);

/** A connection that failed before there was an answer: always worth another attempt. */
export function connectionFailure(code: string | undefined): DeliveryResult {
  const reason = code !== undefined && timeoutCodes.has(code) ? 'timeout' : 'unreachable';
  return { outcome: 'failed', reason, retry: true, detail: code ?? 'no connection' };
}
