import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { AlertingMetrics } from '../../src/alerting/alerting.metrics.js';
import { AlertingSettings } from '../../src/alerting/alerting.settings.js';
import { Notifiers } from '../../src/alerting/notifiers/notifiers.js';
import { PageDeliveryStep } from '../../src/alerting/page-delivery.step.js';
import type { NewPage } from '../../src/alerting/page.js';
import { PageService } from '../../src/alerting/page.service.js';
import { PageViewService } from '../../src/alerting/page-view.service.js';
import { PageStore } from '../../src/alerting/page.store.js';
import type { ReceiverConfig } from '../../src/config/config.schema.js';
import { ManualClock } from '../../src/platform/clock.js';
import { Wake } from '../../src/platform/work/wake.js';
import { PageReceiver } from '../support/page-receiver.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';
import { SmtpSink } from '../support/smtp-sink.js';

const secret = 'a secret of the receiver';
const incidentId = '0190b7a0-0000-7000-8000-000000000001';
const start = new Date('2026-11-22T03:00:00Z');
let test: ReinstateTestDatabase;
let hook: PageReceiver;
let mail: SmtpSink;
let clock: ManualClock;
const opened: Notifiers[] = [];

beforeAll(async () => {
  // pages that are given up are errors in the log, and are meant here
  Logger.overrideLogger(false);
  test = await createReinstateDatabase();
});
afterAll(() => test.drop());

beforeEach(async () => {
  hook = await PageReceiver.start();
  mail = await SmtpSink.start();
  clock = new ManualClock(start);
});
afterEach(async () => {
  await test.database.query(
    `UPDATE page_delivery SET state = 'failed', next_attempt_at = NULL WHERE state = 'pending'`,
  );
  for (const notifiers of opened.splice(0)) notifiers.onModuleDestroy();
  await hook.stop();
  await mail.stop();
});

interface Pager {
  readonly pages: PageService;
  readonly wake: Wake;
  readonly views: PageViewService;
  readonly step: PageDeliveryStep;
  readonly registry: Registry;
  run(): Promise<'idle' | 'more'>;
}

function pager(receivers: readonly ReceiverConfig[]): Pager {
  const store = new PageStore();
  const settings = new AlertingSettings({
    receivers,
    publicUrl: 'https://reinstate.example',
  });
  const notifiers = new Notifiers(settings);
  opened.push(notifiers);
  const registry = new Registry();
  const metrics = new AlertingMetrics(registry, settings);
  const wake = new Wake();
  const pages = new PageService(store, settings, wake);
  const step = new PageDeliveryStep(
    ...([test.database, store, pages, notifiers, settings, metrics, clock] as const),
  );
  const { signal } = new AbortController();
  return {
    pages,
    wake,
    views: new PageViewService(test.database, store),
    step,
    registry,
    run: () => step.run({ now: clock.now(), signal }),
  };
}

const webhook = (name: string): ReceiverConfig => ({ name, webhook: { url: hook.url, secret } });
const email = (name: string, to = ['a@example.com']): ReceiverConfig => ({
  name,
  email: { smtp: mail.url, from: 'reinstate@example.com', to },
});

function page(dedupeKey: string): NewPage {
  return {
    dedupeKey,
    incidentId,
    firstLine: '12 paid orders (EUR 1,234.50) cancelled by the job “unpaid-orders”',
    body: {
      kind: 'incident-opened',
      severity: 'high',
      details: ['Incident 7 of shop main.', 'Verdicts: 12 wrongful.'],
      data: { incidentNumber: 7 },
    },
    now: clock.now(),
  };
}

const enqueue = (pages: PageService, key: string) =>
  test.database.transaction((transaction) => pages.enqueue(transaction, page(key)));

const deliveries = (pageId: string | undefined) =>
  test.database.query(
    `SELECT receiver, state, attempts, next_attempt_at, last_error, delivered_at
     FROM page_delivery WHERE page_id = $1 ORDER BY receiver`,
    [pageId],
  );

async function attempts(registry: Registry, receiver: string): Promise<Record<string, number>> {
  const metric = registry.getSingleMetric('reinstate_page_deliveries_total');
  const { values } = await metric!.get();
  const seen = values.filter(({ labels, value }) => labels['receiver'] === receiver && value > 0);
  return Object.fromEntries(seen.map(({ labels, value }) => [String(labels['outcome']), value]));
}

describe('a page', () => {
  it('is made once per dedupe key, with a delivery for each receiver', async () => {
    const { pages } = pager([webhook('chat'), email('mail')]);
    const [first, second] = [await enqueue(pages, 'once'), await enqueue(pages, 'once')];
    expect(second).toBeUndefined();
    expect(await deliveries(first)).toMatchObject([
      { receiver: 'chat', state: 'pending', attempts: 0 },
      { receiver: 'mail', state: 'pending', attempts: 0 },
    ]);
  });

  it('is not made where the transaction that pages does not commit', async () => {
    const { pages, run } = pager([webhook('chat')]);
    const failing = test.database.transaction(async (transaction) => {
      await pages.enqueue(transaction, page('rolled back'));
      throw new Error('cut off');
    });
    await expect(failing).rejects.toThrow('cut off');
    await run();
    expect(hook.received).toHaveLength(0);
  });

  it('wakes who sends it once it is committed: not before, nor where it is not', async () => {
    const { pages, wake, step, run } = pager([webhook('chat')]);
    const woken: boolean[] = [];
    let isCommitted = false;
    const unlisten = wake.listen(step.name, () => woken.push(isCommitted));
    await test.database.transaction(async (transaction) => {
      await pages.enqueue(transaction, page('waking'));
      await new Promise((resolve) => setTimeout(resolve, 20));
      isCommitted = true;
    });
    expect(woken).toEqual([true]);
    await enqueue(pages, 'waking');
    const failing = test.database.transaction(async (transaction) => {
      await pages.enqueue(transaction, page('never waking'));
      throw new Error('cut off');
    });
    await expect(failing).rejects.toThrow('cut off');
    unlisten();
    expect(woken).toHaveLength(1);
    await run();
  });

  it('reaches every receiver once, however often the step runs', async () => {
    const { pages, run, registry } = pager([webhook('chat'), email('mail')]);
    const id = await enqueue(pages, 'every receiver');
    for (let turn = 0; turn < 3; turn += 1) {
      await run();
      clock.advance(120_000);
    }
    expect(hook.received).toHaveLength(1);
    expect(mail.received).toHaveLength(1);
    expect(await deliveries(id)).toMatchObject([
      { receiver: 'chat', state: 'delivered', attempts: 1, delivered_at: start },
      { receiver: 'mail', state: 'delivered', attempts: 1, delivered_at: start },
    ]);
    expect(await attempts(registry, 'chat')).toEqual({ delivered: 1 });
    expect(await attempts(registry, 'mail')).toEqual({ delivered: 1 });
  });

  it('is claimed by one process only, where several deliver at once', async () => {
    const many = pager([webhook('crowd')]);
    for (let n = 0; n < 10; n += 1) await enqueue(many.pages, `crowd ${n}`);
    await Promise.all([many.run(), many.run(), many.run(), many.run()]);
    expect(hook.received).toHaveLength(10);
    const ids = hook.received.map(({ headers }) => headers['reinstate-delivery']);
    expect(new Set(ids).size).toBe(10);
  });

  it('is sent again a minute after its sender died, under the same delivery id', async () => {
    const { pages, run } = pager([webhook('died')]);
    const id = await enqueue(pages, 'died');
    const store = new PageStore();
    const lease = { now: clock.now(), leaseEndsAt: new Date(start.getTime() + 60_000), limit: 16 };
    const claimed = await store.claim(test.database, lease);
    const mine = claimed.filter((delivery) => delivery.pageId === id);
    await run();
    expect(hook.received).toHaveLength(0);
    clock.advance(60_000);
    await run();
    expect(hook.received.map(({ headers }) => headers['reinstate-delivery'])).toEqual([
      mine[0]?.id,
    ]);
    await store.record(test.database, mine[0]!, { state: 'failed', error: 'told too late' });
    expect(await deliveries(id)).toMatchObject([{ state: 'delivered', attempts: 2 }]);
  });
});

describe('a webhook', () => {
  it('carries the page as JSON, signed over timestamp and raw body', async () => {
    const { pages, run } = pager([webhook('signed')]);
    const id = await enqueue(pages, 'signed');
    await run();
    const [received] = hook.received;
    expect(JSON.parse(received!.body)).toEqual({
      pageId: id,
      dedupeKey: 'signed',
      firstLine: '12 paid orders (EUR 1,234.50) cancelled by the job “unpaid-orders”',
      kind: 'incident-opened',
      severity: 'high',
      details: ['Incident 7 of shop main.', 'Verdicts: 12 wrongful.'],
      data: { incidentNumber: 7 },
      incidentId,
      incidentUrl: `https://reinstate.example/api/v1/incidents/${incidentId}`,
      createdAt: start.toISOString(),
    });
    const signature = String(received!.headers['reinstate-signature']);
    const parts = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature);
    expect(parts?.[1]).toBe(String(start.getTime() / 1000));
    const digest = createHmac('sha256', secret)
      .update(`${parts?.[1] ?? ''}.${received!.body}`)
      .digest('hex');
    expect(parts?.[2]).toBe(digest);
  });

  it('is tried again after a 500, not before its time, and signed anew', async () => {
    const { pages, run, registry } = pager([webhook('retry')]);
    hook.answers.push({ status: 500 }, { status: 502 });
    const id = await enqueue(pages, 'retry');
    await run();
    await run();
    expect(hook.received).toHaveLength(1);
    expect(await deliveries(id)).toMatchObject([
      { state: 'pending', attempts: 1, last_error: 'receiver-error: HTTP 500' },
    ]);
    clock.advance(2_000);
    await run();
    clock.advance(4_000);
    await run();
    expect(hook.received).toHaveLength(3);
    expect(await deliveries(id)).toMatchObject([{ state: 'delivered', attempts: 3 }]);
    expect(await attempts(registry, 'retry')).toEqual({ 'receiver-error': 2, delivered: 1 });
    const signatures = hook.received.map(({ headers }) => headers['reinstate-signature']);
    expect(new Set(signatures).size).toBe(3);
  });

  it('waits as long as the receiver asks', async () => {
    const { pages, run } = pager([webhook('limited')]);
    hook.answers.push({ status: 429, headers: { 'retry-after': '90' } });
    const id = await enqueue(pages, 'limited');
    await run();
    expect(await deliveries(id)).toMatchObject([
      { last_error: 'limited: HTTP 429', next_attempt_at: new Date(start.getTime() + 90_000) },
    ]);
  });

  it.each([
    ['404', 'rejected: HTTP 404'],
    ['301', 'redirected: HTTP 301'],
  ])('is given up at a %s', async (status, error) => {
    const { pages, run, registry } = pager([webhook('final')]);
    hook.answers.push({ status: Number(status), headers: { location: hook.url } });
    const id = await enqueue(pages, `final ${status}`);
    await run();
    clock.advance(3_600_000);
    await run();
    expect(hook.received).toHaveLength(1);
    expect(await deliveries(id)).toMatchObject([{ state: 'failed', last_error: error }]);
    expect(await attempts(registry, 'final')).toMatchObject({ 'gave-up': 1 });
  });

  it('that nobody listens to, or that never answers, is tried again', async () => {
    const { pages, run } = pager([webhook('silent')]);
    hook.answers.push('silent');
    const id = await enqueue(pages, 'silent');
    await run();
    expect(await deliveries(id)).toMatchObject([
      { state: 'pending', last_error: 'timeout: no answer in 5000 ms' },
    ]);
    await hook.stop();
    clock.advance(2_000);
    await run();
    expect(await deliveries(id)).toMatchObject([
      { state: 'pending', last_error: 'unreachable: ECONNREFUSED' },
    ]);
    hook = await PageReceiver.start();
  });

  it('whose answer never ends is delivered all the same, and read no further', async () => {
    const { pages, run } = pager([webhook('endless')]);
    hook.answers.push('endless');
    const id = await enqueue(pages, 'endless');
    const startedAt = performance.now();
    await run();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(await deliveries(id)).toMatchObject([{ state: 'delivered', attempts: 1 }]);
  });

  it('to a name that nobody knows is tried again', async () => {
    const url = 'http://pages.invalid/';
    const { pages, run } = pager([{ name: 'nowhere', webhook: { url, secret } }]);
    const id = await enqueue(pages, 'nowhere');
    await run();
    const [delivery] = await deliveries(id);
    expect(delivery).toMatchObject({ state: 'pending', attempts: 1 });
    expect(delivery!['last_error']).toMatch(/^unreachable: (ENOTFOUND|EAI_AGAIN)$/);
  });

  it('to a receiver that is down for an hour arrives once, soon after that, with few attempts', async () => {
    const { pages, run } = pager([webhook('hour')]);
    const id = await enqueue(pages, 'hour');
    for (let minute = 0; minute < 60; minute += 1) {
      hook.answers.splice(0, Number.POSITIVE_INFINITY, { status: 503 });
      await run();
      clock.advance(60_000);
    }
    expect(hook.received.length).toBeLessThan(20);
    hook.answers.length = 0;
    const tries = hook.received.length;
    for (let minute = 0; minute < 16; minute += 1) {
      await run();
      clock.advance(60_000);
    }
    expect(hook.received).toHaveLength(tries + 1);
    expect(await deliveries(id)).toMatchObject([{ state: 'delivered', attempts: tries + 1 }]);
  });

  it('is given up after a day', async () => {
    const { pages, run } = pager([webhook('day')]);
    const id = await enqueue(pages, 'day');
    clock.advance(24 * 3_600_000);
    hook.answers.push({ status: 500 });
    await run();
    expect(await deliveries(id)).toMatchObject([
      { state: 'failed', last_error: 'gave up; receiver-error: HTTP 500' },
    ]);
  });

  it('whose receiver left the configuration is given up', async () => {
    const id = await enqueue(pager([webhook('gone')]).pages, 'gone');
    await pager([]).run();
    expect(await deliveries(id)).toMatchObject([
      { state: 'failed', last_error: 'receiver-unknown: not in the configuration any more' },
    ]);
  });
});

describe('a page that a receiver will never get', () => {
  it('is told to the others, once; the loss of that is told to nobody', async () => {
    const { pages, run, views } = pager([webhook('deaf'), email('mail'), email('night')]);
    hook.answers.push({ status: 404 });
    mail.answers.push(250, 250, 554);
    const id = await enqueue(pages, 'lost');
    await run();
    await run();
    const told = mail.received.filter(({ data }) => data.includes('did_not_get'));
    expect(told).toHaveLength(1);
    expect(hook.received).toHaveLength(1);
    const { items } = await views.list({ limit: 2, incident: incidentId });
    expect(items.map(({ kind }) => kind)).toEqual(['page-lost', 'incident-opened']);
    expect(items[0]).toMatchObject({
      severity: 'high',
      firstLine: expect.stringMatching(/^Receiver “deaf” did not get this page: 12 paid orders/),
      deliveries: [{ receiver: 'mail' }, { receiver: 'night' }],
    });
    expect(items[0]!.deliveries.map(({ state }) => state).sort()).toEqual(['delivered', 'failed']);
    expect(items[1]!.id).toBe(id);
    clock.advance(3_600_000);
    await run();
    const after = await views.list({ limit: 2, incident: incidentId });
    expect(after.items.map(({ kind }) => kind)).toEqual(['page-lost', 'incident-opened']);
  });
});

describe('the record of pages', () => {
  it('tells attempts, outcome and the next attempt of each receiver, and no address', async () => {
    const { pages, run, views } = pager([webhook('recorded'), email('post')]);
    hook.answers.push({ status: 429, headers: { 'retry-after': '90' } });
    const id = await enqueue(pages, 'recorded');
    await run();
    const { items } = await views.list({ limit: 1 });
    expect(items).toEqual([
      {
        id,
        incidentId,
        kind: 'incident-opened',
        severity: 'high',
        firstLine: '12 paid orders (EUR 1,234.50) cancelled by the job “unpaid-orders”',
        createdAt: start,
        deliveries: [
          {
            receiver: 'post',
            state: 'delivered',
            attempts: 1,
            outcome: null,
            lastAttemptAt: start,
            nextAttemptAt: null,
            deliveredAt: start,
          },
          {
            receiver: 'recorded',
            state: 'pending',
            attempts: 1,
            outcome: 'limited: HTTP 429',
            lastAttemptAt: start,
            nextAttemptAt: new Date(start.getTime() + 90_000),
            deliveredAt: null,
          },
        ],
      },
    ]);
    expect(JSON.stringify(items)).not.toMatch(/example\.com|127\.0\.0\.1/);
  });

  it('is read by cursor, newest first, and by state', async () => {
    const { pages, views } = pager([webhook('paged')]);
    clock.set(new Date('2027-01-01T00:00:00Z'));
    const ids: (string | undefined)[] = [];
    for (let n = 0; n < 5; n += 1) {
      clock.advance(n % 2);
      ids.push(await enqueue(pages, `cursor ${n}`));
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const part = await views.list({ limit: 2, state: 'pending', ...(cursor && { cursor }) });
      seen.push(...part.items.map((item) => item.id));
      cursor = part.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids.toReversed());
    expect((await views.list({ limit: 5, state: 'delivered' })).items).not.toContainEqual(
      expect.objectContaining({ id: ids[0] }),
    );
  });
});

describe('an e-mail', () => {
  it('puts no header into a mail that a name of the shop’s rows brings along', async () => {
    const { pages, run } = pager([email('injected')]);
    await test.database.transaction((transaction) =>
      pages.enqueue(transaction, {
        ...page('injected'),
        firstLine: 'by the job “x”\r\nBcc: thief@example.com\r\n\r\nand a body',
      }),
    );
    await run();
    const [received] = mail.received;
    expect(received?.to).toEqual(['a@example.com']);
    const [head = ''] = (received?.data ?? '').split('\n\n');
    expect(head).not.toMatch(/^Bcc:/im);
    expect(head.match(/^Subject:/gm)).toHaveLength(1);
  });

  it('logs in, and tells its password to no server that offers no TLS', async () => {
    const login = (user: string, query: string): ReceiverConfig => ({
      name: `login ${user}`,
      email: {
        smtp: `${mail.url.replace('//', `//${user}:pager@`)}${query}`,
        from: 'reinstate@example.com',
        to: ['a@example.com'],
      },
    });
    const { pages, run } = pager([login('pager', '')]);
    const welcome = await enqueue(pages, 'login');
    await run();
    expect(await deliveries(welcome)).toMatchObject([{ state: 'delivered' }]);
    const other = pager([login('stranger', '')]);
    const refused = await enqueue(other.pages, 'refused login');
    await other.run();
    expect(await deliveries(refused)).toMatchObject([
      { state: 'pending', last_error: 'rejected: SMTP 535' },
    ]);
    mail.commands.length = 0;
    const careful = pager([login('pager', '/?requireTLS=true')]);
    const kept = await enqueue(careful.pages, 'no TLS');
    await careful.run();
    expect(await deliveries(kept)).toMatchObject([
      { state: 'pending', last_error: 'unreachable: ETLS' },
    ]);
    expect(mail.commands).toContain('STARTTLS');
    expect(mail.commands.join()).not.toContain('AUTH');
  });

  it('begins with the line, says the rest, and can be told by its page', async () => {
    const { pages, run } = pager([email('on call', ['a@example.com', 'b@example.com'])]);
    const id = await enqueue(pages, 'mailed');
    await run();
    const [received] = mail.received;
    expect(received?.from).toBe('reinstate@example.com');
    expect(received?.to).toEqual(['a@example.com', 'b@example.com']);
    const [head = '', text = ''] = (received?.data ?? '').split(/\n\n(.*)/s);
    expect(head).toContain(`Message-ID: <${id}.on-call@reinstate>`);
    expect(head).toMatch(/^Subject: =\?UTF-8\?/m);
    const body = Buffer.from(text.replaceAll('=\n', ''), 'latin1').toString();
    expect(decodeQuotedPrintable(body)).toBe(
      '12 paid orders (EUR 1,234.50) cancelled by the job “unpaid-orders”\n\n' +
        'Incident 7 of shop main.\nVerdicts: 12 wrongful.\n\n' +
        `https://reinstate.example/api/v1/incidents/${incidentId}\n\nPage ${id}`,
    );
  });

  it('is tried again after a temporary refusal, and given up after a final one', async () => {
    const { pages, run } = pager([email('refused')]);
    mail.answers.push(451, 554);
    const id = await enqueue(pages, 'refused');
    await run();
    expect(await deliveries(id)).toMatchObject([
      { state: 'pending', last_error: 'receiver-error: SMTP 451' },
    ]);
    clock.advance(2_000);
    await run();
    expect(await deliveries(id)).toMatchObject([
      { state: 'failed', attempts: 2, last_error: 'rejected: SMTP 554' },
    ]);
    expect(mail.received).toHaveLength(0);
  });

  it('is tried again while the mail server is away', async () => {
    const { pages, run } = pager([email('away')]);
    await mail.stop();
    const id = await enqueue(pages, 'away');
    await run();
    const [delivery] = await deliveries(id);
    expect(delivery).toMatchObject({ state: 'pending', attempts: 1 });
    expect(delivery!['last_error']).toMatch(/^unreachable: E/);
    mail = await SmtpSink.start();
  });
});

function decodeQuotedPrintable(text: string): string {
  const bytes = text.replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
