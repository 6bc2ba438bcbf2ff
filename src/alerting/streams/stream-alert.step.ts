import { Injectable } from '@nestjs/common';
import { StreamInspector } from '../../intake/replication/stream-inspector.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { newId } from '../../platform/ids.js';
import { Log } from '../../platform/telemetry/log.js';
import type { BackgroundStep, StepContext } from '../../platform/work/background-step.js';
import { RowByRow } from '../../platform/work/row-by-row.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { AlertingMetrics } from '../alerting.metrics.js';
import { AlertingSettings } from '../alerting.settings.js';
import { PageService } from '../page.service.js';
import { fingerprintOf, planStreamAlerts, type StreamAlertChange } from './stream-alert.js';
import { StreamAlertStore } from './stream-alert.store.js';
import {
  causesOf,
  isSilent,
  isWell,
  type ShopAnswer,
  type StreamCause,
  type WatchedStream,
} from './stream-cause.js';

/** A shop that takes longer to say how far it is goes for one that does not answer. */
const longestAnswerMs = 5_000;

/**
 * Tells people when a shop's order changes do not come in any more, were lost, or no longer fit its
 * profile: an alert per shop and cause, a page for each time that one begins. They open no incident,
 * since no order is known to be hit.
 */
@Injectable()
export class StreamAlertStep implements BackgroundStep {
  readonly name = 'stream-alerts';
  readonly intervalMs = 5_000;
  private readonly rows: RowByRow;

  constructor(
    private readonly database: Database,
    private readonly store: StreamAlertStore,
    private readonly pages: PageService,
    private readonly settings: AlertingSettings,
    private readonly shops: ShopRegistry,
    private readonly inspector: StreamInspector,
    metrics: AlertingMetrics,
  ) {
    const log = new Log('StreamAlerts');
    this.rows = new RowByRow({
      ...{ log, event: 'stream-not-watched', field: 'shop' },
      words: 'the stream of a shop cannot be watched',
      count: () => metrics.rowFailed('stream'),
    });
  }

  async run({ now, signal }: StepContext): Promise<'idle' | 'more'> {
    const shopIds = await this.store.watchedShops(this.database);
    const { more } = await this.rows.each(shopIds, { now, signal }, (id) => this.watch(id, now));
    return more ? 'more' : 'idle';
  }

  private async watch(shopId: string, now: Date): Promise<'done' | 'more'> {
    const stream = await this.readStream(shopId);
    if (stream === undefined) return 'done';
    // asked before the transaction: a shop that does not answer must not keep our rows locked
    const answer = isSilent(stream, now) ? await this.ask(stream) : 'quiet';
    return this.database.transaction(async (transaction) => {
      const after = await this.store.lock(transaction, shopId);
      const { gaps, more } = await this.store.takeGaps(transaction, { shopId, after });
      const changes = planStreamAlerts({
        ...{ shopId, now, isWell: isWell(stream) && answer === 'quiet' },
        causes: causesOf(stream, { gaps, answer, now }),
        open: await this.store.open(transaction, shopId),
      });
      for (const change of changes) await this.apply(transaction, { shopId, change, now });
      return more ? 'more' : 'done';
    });
  }

  /** A shop that left the configuration is not followed any more, whatever its row says. */
  private async readStream(shopId: string): Promise<WatchedStream | undefined> {
    const stream = await this.store.readStream(this.database, shopId);
    const isConfigured = this.shops.list().some((shop) => shop.id === shopId);
    return stream === undefined || isConfigured ? stream : { ...stream, state: 'detached' };
  }

  /** Whether the shop has gone on since the stream last noted anything. */
  private async ask(stream: WatchedStream): Promise<ShopAnswer> {
    const replicateUrl = this.shops.get(stream.shopId).credentials?.replicate;
    // followed once, and told by HTTP since
    if (replicateUrl === undefined) return 'quiet';
    const gaveUp = AbortSignal.timeout(longestAnswerMs);
    const silence = new Promise<null>((resolve) =>
      gaveUp.addEventListener('abort', () => resolve(null), { once: true }),
    );
    const measure = await Promise.race([this.inspector.measure({ replicateUrl }, stream), silence]);
    const lagBytes = measure?.lagBytes ?? null;
    if (lagBytes === null) return 'none';
    return lagBytes > 0 ? 'goes-on' : 'quiet';
  }

  private async apply(
    transaction: Transaction,
    { shopId, change, now }: { shopId: string; change: StreamAlertChange; now: Date },
  ): Promise<void> {
    switch (change.do) {
      case 'open':
        return this.open(transaction, { shopId, now, ...change });
      case 'see': {
        const { alert, cause, seenSince, fires } = change;
        const summary = cause?.summary ?? alert.summary;
        await this.store.see(transaction, { id: alert.id, seenSince, fires, summary, now });
        if (fires && cause !== null)
          await this.page(transaction, { alertId: alert.id, shopId, cause, now });
        return;
      }
      case 'resolve':
        return this.store.resolve(transaction, change.alert.id, now);
      case 'forget':
        return this.store.forget(transaction, change.alert.id);
    }
  }

  private async open(
    transaction: Transaction,
    given: { shopId: string; cause: StreamCause; fires: boolean; now: Date },
  ): Promise<void> {
    const { shopId, cause, fires, now } = given;
    const { name, severity, summary } = cause;
    const id = newId();
    await this.store.insert(transaction, {
      ...{ id, shopId, name, fires, now, fingerprint: fingerprintOf(shopId, cause) },
      labels: { alertname: name, shop: shopId, severity },
      annotations: { summary, runbook_url: this.runbookUrl(name) },
    });
    if (fires) await this.page(transaction, { alertId: id, shopId, cause, now });
  }

  private async page(
    transaction: Transaction,
    { alertId, shopId, cause, now }: Firing,
  ): Promise<void> {
    const { name, severity, summary } = cause;
    await this.pages.enqueue(transaction, {
      dedupeKey: `alert:${alertId}:firing`,
      incidentId: null,
      firstLine: summary,
      body: {
        kind: 'stream-alert',
        severity,
        details: [
          `Alert ${name} of shop ${shopId}. It resolves by itself once order changes come in again.`,
          `Look with: reinstate shop status ${shopId}`,
          `What to do: ${this.runbookUrl(name)}`,
        ],
        data: { alertId, alertname: name, shop: shopId },
      },
      now,
    });
  }

  private runbookUrl(name: string): string {
    return this.settings.apiUrl(`runbooks/${name}`);
  }
}

/** An alert that wakes people. */
interface Firing {
  readonly alertId: string;
  readonly shopId: string;
  readonly cause: StreamCause;
  readonly now: Date;
}
