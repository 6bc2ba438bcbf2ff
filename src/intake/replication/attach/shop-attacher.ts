import { Injectable } from '@nestjs/common';
import pg from 'pg';
import { Clock } from '../../../platform/clock.js';
import { Database, type Transaction } from '../../../platform/database/database.js';
import { Fault } from '../../../platform/errors.js';
import type { CheckReport } from '../../../shops/shop-adapter.js';
import type { StreamedShop } from '../streamed-shop.js';
import { ReplicationStore } from '../replication.store.js';
import { isShopFailure, shopProblem } from '../source/shop-problem.js';
import { connectShop, closeClient, shopConnection, withShop } from '../source/shop-server.js';
import { createSlot, dropSlot, SlotBlocked, type HeldSlot } from '../source/slot.js';
import { applyPlan, attachRefused, takeBack, undoAll } from './apply-plan.js';
import { judgeShop } from './judge-shop.js';
import {
  attachScript,
  detachSteps,
  dropSlotStatement,
  planPublication,
  undoScript,
  type PublicationPlan,
  type UndoStep,
} from './publication-plan.js';
import type { StreamRow } from '../stream-state.js';
import {
  readReadFacts,
  readReplicateFacts,
  readShopFacts,
  readTableFacts,
  type ShopFacts,
  type TableFacts,
} from './shop-facts.js';

export interface AttachTarget extends StreamedShop {
  /** the adapter's check of the profile on the live shop */
  check(): Promise<CheckReport>;
}

export interface AttachOptions {
  /** owner of the shop's tables: used for this call, never kept; null where a DBA ran the SQL before */
  readonly credential: string | null;
  /** accept a server on which a forgotten slot could fill the disk */
  readonly allowUnboundedWal: boolean;
  /** how long the shop's running transactions may hold up the new slot before attach gives up */
  readonly slotLimitMs: number;
  /** gives attach up when it is aborted: what was changed so far is taken back */
  readonly signal?: AbortSignal | undefined;
  /** called in the transaction that makes the shop an attached one */
  readonly settle?: ((transaction: Transaction) => Promise<void>) | undefined;
}

export interface DetachOptions {
  /** owner of the shop's tables; null leaves the schema to a DBA */
  readonly credential: string | null;
  /** a shop whose database does not let us in any more is given up on our side alone */
  readonly forget?: boolean;
  /** called in the transaction that makes the shop a detached one; `forgotten`: nothing was done in the shop */
  readonly settle?:
    ((transaction: Transaction, data: { forgotten: boolean }) => Promise<void>) | undefined;
}

/**
 * Changes a shop's database so that its order tables can be followed, and back again. The shop comes
 * first: everything is judged before anything is changed, no lock is waited for longer than half a second
 * at a time, and a refusal leaves nothing behind.
 */
@Injectable()
export class ShopAttacher {
  constructor(
    private readonly database: Database,
    private readonly store: ReplicationStore,
    private readonly clock: Clock,
  ) {}

  /**
   * Publishes the shop's tables and makes the slot. Gives the slot with its snapshot, which has to be read
   * by the caller; null where the shop was attached already and only its publication was brought up to date.
   */
  async attach(target: AttachTarget, options: AttachOptions): Promise<HeldSlot | null> {
    return understood(() => this.attachWith(target, options));
  }

  private async attachWith(target: AttachTarget, options: AttachOptions): Promise<HeldSlot | null> {
    const { shopId } = target;
    const row = await this.store.read(this.database, shopId);
    const newSlot = row === undefined || row.state === 'detached';
    const name = await this.store.slotName(this.database, shopId);
    const client = await connectShop(shopConnection(options.credential ?? target.readUrl));
    try {
      const plan = await this.judge(client, target, { ...options, newSlot, name });
      options.signal?.throwIfAborted();
      return await this.undoing({ client, shopId, noted: row?.identities ?? {} }, async (undo) => {
        await this.apply(client, { shopId, name, plan, undo });
        if (newSlot) return this.makeSlot(target, { ...options, slotName: name });
        await this.database.transaction(async (transaction) => options.settle?.(transaction));
        return null;
      });
    } finally {
      await closeClient(client);
    }
  }

  /**
   * Takes back what was changed in the shop where the work fails, and then forgets what was noted for it:
   * what a table is set back to some day is what it was before the attach that succeeded.
   */
  private async undoing<T>(
    given: { client: pg.Client; shopId: string; noted: StreamRow['identities'] },
    work: (undo: UndoStep[]) => Promise<T>,
  ): Promise<T> {
    const undo: UndoStep[] = [];
    try {
      return await work(undo);
    } catch (error) {
      await takeBack(given.client, undo);
      const { shopId, noted: identities } = given;
      await this.store.note(this.database, { shopId, identities, now: this.clock.now() });
      throw error;
    }
  }

  /** The changes that attach would make, as SQL for a DBA. */
  async script(target: AttachTarget): Promise<string> {
    const name = await this.store.slotName(this.database, target.shopId);
    const { facts } = await understood(() =>
      withShop(shopConnection(target.readUrl), (client) => this.readFacts(client, target, name)),
    );
    const plan = planPublication(target.mapping, facts, name);
    return attachScript(plan, target.shopId);
  }

  /**
   * Drops the slot, and with a credential also takes back what attach changed in the schema. Gives the
   * SQL that is left for a DBA: what was not tried, and what did not go through. The stream must have been
   * stopped. A shop that is gone for good is given up with `forget`: should it come back, the slot and all
   * else is left for a DBA. Cut off in between, the shop is still attached, and is detached by asking again.
   */
  async detach(target: StreamedShop, options: DetachOptions): Promise<string[]> {
    return understood(() => this.detachWith(target, options));
  }

  private async detachWith(target: StreamedShop, options: DetachOptions): Promise<string[]> {
    const { shopId } = target;
    const row = await this.store.read(this.database, shopId);
    if (row === undefined || row.state === 'detached') {
      throw new Fault('conflict', 'shop-not-attached', `the shop "${shopId}" is not attached`);
    }
    const { forgotten, left } = await leaveShop(target, row, options);
    // what the identities were is known until they are set back
    await this.database.transaction(async (transaction) => {
      await this.store.detach(transaction, { shopId, now: this.clock.now() });
      await options.settle?.(transaction, { forgotten });
    });
    return left;
  }

  private async judge(
    client: pg.Client,
    target: AttachTarget,
    options: AttachOptions & { newSlot: boolean; name: string },
  ): Promise<PublicationPlan> {
    const check = await target.check();
    const { facts, replicate, read } = await this.readFacts(client, target, options.name);
    const plan = planPublication(target.mapping, facts, options.name);
    const changes = plan.identities.length > 0 || plan.publish !== null;
    const refusals = judgeShop(
      target.mapping,
      { shop: facts, replicate, read, check },
      { ...options, changes: changes && options.credential !== null },
    );
    if (refusals.length > 0) throw attachRefused(refusals);
    if (changes && options.credential === null)
      throw notPrepared(attachScript(plan, target.shopId));
    return plan;
  }

  private async readFacts(
    client: pg.Client,
    target: StreamedShop,
    publicationName: string,
  ): Promise<{
    facts: ShopFacts;
    replicate: { mayReplicate: boolean; place: string };
    read: { unreadable: string[]; place: string };
  }> {
    const { mapping, replicateUrl, readUrl } = target;
    const facts = await readShopFacts(client, { mapping, publicationName });
    const replicate = await withShop(shopConnection(replicateUrl), readReplicateFacts);
    const read = await withShop(shopConnection(readUrl), (reader) =>
      readReadFacts(reader, mapping),
    );
    return { facts, replicate, read };
  }

  /** What the identities were is written down before they are changed: detach sets them back. */
  private async apply(
    client: pg.Client,
    given: { shopId: string; name: string; plan: PublicationPlan; undo: UndoStep[] },
  ): Promise<void> {
    const { shopId, name, plan, undo } = given;
    const identities = Object.fromEntries(
      plan.identities.map(({ table, before }) => [table, before]),
    );
    await this.store.prepare(this.database, {
      shopId,
      name,
      identities,
      now: this.clock.now(),
    });
    await applyPlan(client, plan, undo);
  }

  private async makeSlot(
    { shopId, replicateUrl }: AttachTarget,
    { slotLimitMs, slotName, signal, settle }: AttachOptions & { slotName: string },
  ): Promise<HeldSlot> {
    // left over where an earlier attach was cut off; nothing was journalled from it
    await dropSlot(replicateUrl, slotName);
    try {
      const url = replicateUrl;
      const limitMs = slotLimitMs;
      const held = await createSlot({ url, slotName, temporary: false, limitMs, signal });
      await this.database
        .transaction(async (transaction) => {
          await this.store.begin(transaction, { shopId, now: this.clock.now() });
          await settle?.(transaction);
        })
        .catch(async (error: unknown) => {
          await held.release();
          await dropSlot(url, slotName);
          throw error;
        });
      return held;
    } catch (error) {
      if (!(error instanceof SlotBlocked)) {
        // where only the server's answer was lost, the slot is there, and would keep the shop's log for nobody
        if (isCutOff(error)) await dropSlot(replicateUrl, slotName).catch(() => undefined);
        throw error;
      }
      throw attachRefused([
        {
          code: 'slot-blocked',
          where: slotName,
          message: `${error.message}; end them, or try again later`,
        },
      ]);
    }
  }
}

/** The connection to the shop went, whatever its server has done. */
function isCutOff(error: unknown): boolean {
  return isShopFailure(error) && !(error instanceof pg.DatabaseError);
}

/** Drops the slot and takes back what attach changed; gives the SQL that is left for a DBA. */
async function leaveShop(
  { replicateUrl, readUrl }: StreamedShop,
  row: StreamRow,
  { credential, forget = false }: DetachOptions,
): Promise<{ forgotten: boolean; left: string[] }> {
  // a credential that does not connect is found out before anything is changed
  const owner = credential === null ? null : await connectOwner(credential, forget);
  try {
    const forgotten = await dropOrForget(replicateUrl, row.slotName, forget);
    const tables = Object.keys(row.identities);
    if (owner !== null && !forgotten) {
      const facts = await readTableFacts(owner, tables);
      return { forgotten, left: await undoAll(owner, detachSteps(row, facts)) };
    }
    const facts = forgotten ? [] : await factsForScript(readUrl, tables);
    const scripts = detachSteps(row, facts).map(undoScript);
    const left = forgotten ? [`${dropSlotStatement(row.slotName)};`, ...scripts] : scripts;
    return { forgotten, left };
  } finally {
    if (owner !== null) await closeClient(owner);
  }
}

/** Null where the shop is to be forgotten for not letting us in. */
async function connectOwner(credential: string, forget: boolean): Promise<pg.Client | null> {
  return connectShop(shopConnection(credential)).catch((error: unknown) => {
    if (forget && isShopFailure(error)) return null;
    throw error;
  });
}

/** Without them the script has no tests, which is no reason to stay attached. */
async function factsForScript(readUrl: string, tables: readonly string[]): Promise<TableFacts[]> {
  return withShop(shopConnection(readUrl), (client) => readTableFacts(client, tables)).catch(
    (error: unknown) => {
      if (isShopFailure(error)) return [];
      throw error;
    },
  );
}

/** True where the shop did not let us in, and is to be forgotten for that. */
async function dropOrForget(url: string, slotName: string, forget: boolean): Promise<boolean> {
  try {
    await dropSlot(url, slotName);
    return false;
  } catch (error) {
    const isGone = error instanceof Fault && error.code === 'shop-unreachable';
    if (forget && (isGone || isShopFailure(error))) return true;
    throw error;
  }
}

/** What the shop's server refuses is told to the caller; it is no fault of ours. */
async function understood<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isShopFailure(error)) throw error;
    const problem = shopProblem(error);
    throw error instanceof pg.DatabaseError
      ? new Fault('conflict', 'shop-refused', `the shop’s database refused: ${problem}`)
      : new Fault('unavailable', 'shop-unreachable', `the shop’s database: ${problem}`);
  }
}

function notPrepared(sql: string): Fault {
  const message =
    'the shop’s database is not prepared: give the attach credential, or let a DBA run the SQL first';
  return new Fault('conflict', 'attach-refused', `the shop is not attached:\n${message}`, {
    data: { refusals: [{ code: 'not-prepared', where: 'attach', message }], sql },
  });
}
