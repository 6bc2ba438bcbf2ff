import { z } from 'zod';
import type { PageDelivery } from '../page.js';
import { connectionFailure, type DeliveryResult, type Notifier } from './notifier.js';
import { signatureOf } from './signature.js';

/** Long enough for a slow receiver, short enough that it does not hold up the others of the batch. */
const timeoutMs = 5_000;

/** Statuses on which the receiver names the time to come back. */
const comeBackLater = new Set([408, 429, 503]);

/** Sends pages as signed JSON. The delivery's id stays the same over its attempts. */
export class WebhookNotifier implements Notifier {
  constructor(
    readonly receiver: string,
    private readonly options: { url: string; secret: string },
  ) {}

  async send(
    delivery: PageDelivery,
    context: { now: Date; incidentUrl: string | null },
  ): Promise<DeliveryResult> {
    const body = JSON.stringify(payloadOf(delivery, context));
    try {
      const response = await fetch(this.options.url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'reinstate',
          'reinstate-delivery': delivery.id,
          'reinstate-signature': signatureOf(body, {
            secret: this.options.secret,
            now: context.now,
          }),
        },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.body?.cancel();
      return resultOf(response, context.now);
    } catch (error) {
      return failureOf(error);
    }
  }

  /** Nothing to let go of: connections belong to the platform's pool. */
  close(): void {
    return;
  }
}

function payloadOf(delivery: PageDelivery, context: { incidentUrl: string | null }): object {
  return {
    pageId: delivery.pageId,
    dedupeKey: delivery.dedupeKey,
    firstLine: delivery.firstLine,
    ...delivery.body,
    incidentId: delivery.incidentId,
    incidentUrl: context.incidentUrl,
    createdAt: delivery.createdAt.toISOString(),
  };
}

function resultOf(response: Response, now: Date): DeliveryResult {
  const { status } = response;
  const detail = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { outcome: 'delivered', note: null };
  if (comeBackLater.has(status)) {
    const retryAfterMs = retryAfter(response.headers.get('retry-after'), now);
    return { outcome: 'failed', reason: 'limited', retry: true, retryAfterMs, detail };
  }
  if (status >= 500) return { outcome: 'failed', reason: 'receiver-error', retry: true, detail };
  const reason = status < 400 ? 'redirected' : 'rejected';
  return { outcome: 'failed', reason, retry: false, detail };
}

/** `Retry-After` as milliseconds from now: given in seconds or as an HTTP date. */
export function retryAfter(header: string | null, now: Date): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

const networkError = z.object({ cause: z.object({ code: z.string() }) });

function failureOf(error: unknown): DeliveryResult {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return {
      outcome: 'failed',
      reason: 'timeout',
      retry: true,
      detail: `no answer in ${timeoutMs} ms`,
    };
  return connectionFailure(networkError.safeParse(error).data?.cause.code);
}
