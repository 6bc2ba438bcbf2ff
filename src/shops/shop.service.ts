import { Injectable } from '@nestjs/common';
import { AuditService } from '../access/audit.service.js';
import type { Caller } from '../access/caller.js';
import type { OrderSnapshot } from '../orders/order-snapshot.js';
import { Clock } from '../platform/clock.js';
import { Database, type Transaction } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { pageOfWhole, type Page, type PageQuery } from '../platform/http/page.js';
import { present } from '../platform/assert.js';
import { meantOrder, type OrderNamedBy } from './order-name.js';
import type { Capability, CheckReport } from './shop-adapter.js';
import { ShopRegistry, type Shop } from './shop-registry.js';
import { ShopStore, type ShopState } from './shop.store.js';

/** A shop as people see it: no address and no credential. */
export interface ShopView extends ShopState {
  readonly id: string;
  readonly name: string;
  readonly profile: { readonly name: string; readonly title: string; readonly hash: string };
  /** whether a write credential is configured; without one the shop can only be observed */
  readonly hasWriteCredential: boolean;
}

/** An order as the shop has it now, and what could be done for it. */
export interface OrderView {
  readonly order: OrderSnapshot;
  readonly capability: Capability;
}

/** What people do with shops: look, check, arm, and pull the kill switch. Every change is in the audit. */
@Injectable()
export class ShopService {
  constructor(
    private readonly database: Database,
    private readonly registry: ShopRegistry,
    private readonly store: ShopStore,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** In the order of the configuration. */
  async list(query: PageQuery): Promise<Page<ShopView>> {
    const page = pageOfWhole(this.registry.list(), query, ({ id }) => id);
    return { ...page, items: await Promise.all(page.items.map((shop) => this.viewOf(shop))) };
  }

  async view(shopId: string): Promise<ShopView> {
    return this.viewOf(this.registry.get(shopId));
  }

  async state(shopId: string): Promise<ShopState> {
    const { id } = this.registry.get(shopId);
    return present(await this.store.state(this.database, id), 'configured shops are written down');
  }

  /** Proves the profile on the live shop; reads only, and does not use the write credential. */
  async check(shopId: string): Promise<CheckReport> {
    return this.registry.get(shopId).adapter.check();
  }

  /**
   * Allows restores. The profile is proved first.
   * @throws Fault `no-write-credential` or `check-failed`
   */
  async arm(caller: Caller, shopId: string): Promise<ShopView> {
    const shop = this.registry.get(shopId);
    if (shop.credentials?.write === undefined)
      throw new Fault(
        'conflict',
        'no-write-credential',
        `the shop ${shopId} has no write credential (postgres.write), so it can only be observed`,
      );
    await this.requireSoundCheck(shop);
    return this.change({ caller, shop, action: 'shop.armed' }, (transaction) =>
      this.store.arm(transaction, { shopId, personId: caller.personId, now: this.clock.now() }),
    );
  }

  async disarm(caller: Caller, shopId: string): Promise<ShopView> {
    const shop = this.registry.get(shopId);
    return this.change({ caller, shop, action: 'shop.disarmed' }, (transaction) =>
      this.store.disarm(transaction, shopId),
    );
  }

  /** The kill switch: restores in hand end their order, and no further one starts. */
  async stop(caller: Caller, shopId: string, reason: string): Promise<ShopView> {
    const shop = this.registry.get(shopId);
    const change = { shopId, personId: caller.personId, now: this.clock.now(), reason };
    return this.change({ caller, shop, action: 'shop.stopped', data: { reason } }, (transaction) =>
      this.store.stop(transaction, change),
    );
  }

  async resume(caller: Caller, shopId: string): Promise<ShopView> {
    const shop = this.registry.get(shopId);
    return this.change({ caller, shop, action: 'shop.resumed' }, (transaction) =>
      this.store.resume(transaction, shopId),
    );
  }

  /**
   * An order as it stands in the shop, by the number that people know or by its id there.
   * @throws Fault `order-missing`, or `order-ambiguous` where `by` does not say which of two is meant
   */
  async order(shopId: string, name: string, by?: OrderNamedBy): Promise<OrderView> {
    const { adapter } = this.registry.get(shopId);
    const orderId = await this.orderMeant(shopId, name, by);
    const order = orderId === undefined ? undefined : await adapter.read(orderId);
    if (order === undefined)
      throw new Fault('missing', 'order-missing', `the shop ${shopId} has no order ${name}`);
    return { order, capability: await adapter.capabilities(order.orderId) };
  }

  private async orderMeant(
    shopId: string,
    name: string,
    by: OrderNamedBy | undefined,
  ): Promise<string | undefined> {
    if (by === 'id') return name;
    const { adapter } = this.registry.get(shopId);
    const byNumber = await adapter.findByNumber(name);
    if (by === 'number') return byNumber;
    const ofId = await adapter.read(name);
    // a cart is no order yet: nobody asks about it by its id
    const isMeant = byNumber === undefined || ofId?.state !== 'draft';
    return meantOrder(name, { byNumber, byId: isMeant ? ofId?.orderId : undefined });
  }

  private async requireSoundCheck({ id, adapter }: Shop): Promise<void> {
    const report = await adapter.check();
    if (report.ok) return;
    const faults = report.faults.filter(({ severity }) => severity === 'error');
    throw new Fault(
      'conflict',
      'check-failed',
      `the profile does not fit the shop ${id}: ${faults.length} errors; see \`reinstate shop check ${id}\``,
      { fields: faults.map(({ where, message }) => ({ field: where, message })) },
    );
  }

  /** Changes the state and leaves its audit entry in one transaction; nothing where nothing changed. */
  private async change(
    what: { caller: Caller; shop: Shop; action: string; data?: Record<string, unknown> },
    apply: (transaction: Transaction) => Promise<boolean>,
  ): Promise<ShopView> {
    const { caller, shop, action, data = {} } = what;
    await this.database.transaction(async (transaction) => {
      if (!(await apply(transaction))) return;
      const subject = { subjectKind: 'shop', subjectId: shop.id };
      const profile = { profile: shop.profile.profile, profileHash: shop.profileHash };
      await this.audit.record(transaction, {
        ...{ caller, at: this.clock.now(), action, ...subject },
        data: { ...profile, ...data },
      });
    });
    return this.viewOf(shop);
  }

  private async viewOf(shop: Shop): Promise<ShopView> {
    const { id, name, profile, profileHash, credentials } = shop;
    return {
      id,
      name,
      profile: { name: profile.profile, title: profile.title, hash: profileHash },
      hasWriteCredential: credentials?.write !== undefined,
      ...(await this.state(id)),
    };
  }
}
