import { configSchema, type Config } from '../../src/config/config.schema.js';
import type { Answer, HttpCaller } from './http-caller.js';

export const eventsPath = '/api/v1/order-events';

/** An order event as a shop would send it. */
export interface SentEvent {
  readonly specversion: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly [extension: string]: unknown;
}

/** Shops that tell of their orders by HTTP. */
export function toldShops(...ids: readonly string[]): Config['shops'] {
  return configSchema.parse({ shops: ids.map((id) => ({ id, name: `Shop ${id}` })) }).shops;
}

/** An event of an order; `id` is made of the order and the kind unless it is given. */
export function toldEvent(
  kind: string,
  about: { shop: string; orderId: string; at: Date; [data: string]: unknown },
  attributes: Readonly<Record<string, unknown>> = {},
): SentEvent {
  const { at, ...data } = about;
  return {
    specversion: '1.0',
    id: `${about.orderId}-${kind}`,
    source: `/shops/${about.shop}`,
    type: `com.reinstate.order.${kind}`,
    time: at.toISOString(),
    data,
    ...attributes,
  };
}

/** What a placed and paid order of three units tells. */
export function boughtOrder(orderId: string) {
  return {
    orderNumber: `N-${orderId}`,
    customerId: `c-${orderId}`,
    currency: 'EUR',
    totalMinor: 4_990,
    lines: [{ lineId: '1', product: 'tea', quantity: 3, unitPriceMinor: 1_500, totalMinor: 4_500 }],
    shipping: [{ lineId: '1', method: 'parcel', priceMinor: 490 }],
    attributes: { channel: 'web', payment_method: 'card' },
    personal: { email: `${orderId}@example.org`, ship_name: 'Ann Example' },
  };
}

export const payment = { paymentId: 'p', state: 'captured', amountMinor: 4_990 };

/** Sends one event (structured), several (batch), or text as NDJSON. */
export function tell(
  http: HttpCaller,
  events: SentEvent | readonly unknown[] | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const type =
    typeof events === 'string'
      ? 'application/x-ndjson'
      : Array.isArray(events)
        ? 'application/cloudevents-batch+json'
        : 'application/cloudevents+json';
  return http.post(eventsPath, events, { headers: { 'content-type': type, ...headers } });
}

export function lines(events: readonly unknown[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}
