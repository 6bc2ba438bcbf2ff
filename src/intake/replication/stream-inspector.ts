import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { identitySql } from './attach/publication-plan.js';
import { ReplicationMetrics } from './replication.metrics.js';
import { ReplicationSettings } from './replication.settings.js';
import { ReplicationStore } from './replication.store.js';
import type { ShopStream } from './shop-stream.js';
import { bytesBetween } from './source/lsn.js';
import {
  readPublication,
  type GeneratedTable,
  type PublicationFacts,
} from './source/publication.js';
import { shopProblem } from './source/shop-problem.js';
import { readSource } from './source/shop-server.js';
import type { StreamRow } from './stream-state.js';
import type { StreamedShop } from './streamed-shop.js';
import { nearBoundProblem, retainedBytesOf, walBoundOf, type WalBound } from './wal-bound.js';

/** How far behind a stream is at this moment, as the shop's own server says. */
export interface StreamMeasure {
  readonly lagBytes: number | null;
  readonly retainedWalBytes: number | null;
  readonly walStatus: string | null;
  readonly walBound: WalBound | null;
  /** why it could not be measured, or that the slot is about to be dropped for what it holds back */
  readonly problem: string | null;
}

/** Looks at streams from outside: how far behind they are, and whether the shop still publishes what it should. */
@Injectable()
export class StreamInspector {
  constructor(
    private readonly database: Database,
    private readonly store: ReplicationStore,
    private readonly metrics: ReplicationMetrics,
    private readonly clock: Clock,
    private readonly settings: ReplicationSettings,
  ) {}

  async measure(
    { replicateUrl }: Pick<StreamedShop, 'replicateUrl'>,
    row: Pick<StreamRow, 'slotName' | 'confirmedLsn'>,
    signal?: AbortSignal,
  ): Promise<StreamMeasure> {
    try {
      const source = await readSource(replicateUrl, row.slotName, { signal });
      const { currentLsn, slot } = source;
      return {
        lagBytes: row.confirmedLsn === null ? null : bytesBetween(row.confirmedLsn, currentLsn),
        retainedWalBytes: retainedBytesOf(source),
        walStatus: slot?.walStatus ?? null,
        walBound: walBoundOf(source, this.settings.retainedBytesMax),
        problem: nearBoundProblem(source, this.settings.retainedBytesMax),
      };
    } catch (error) {
      const problem = `the shop’s database does not answer: ${shopProblem(error)}`;
      return { lagBytes: null, retainedWalBytes: null, walStatus: null, walBound: null, problem };
    }
  }

  /** Brings the metrics up to date; a stream is made to notice what is published, and what is not any more. */
  async inspect(stream: ShopStream, signal?: AbortSignal): Promise<void> {
    const { shop } = stream;
    const row = await this.store.read(this.database, shop.shopId);
    if (row === undefined || row.state === 'detached') return;
    const { spooledBytes } = row;
    this.metrics.spooled(shop.shopId, { spooledBytes, boundBytes: this.settings.spoolBytesMax });
    const measure = await this.measure(shop, row, signal);
    const { lagBytes, retainedWalBytes } = measure;
    if (lagBytes === null || retainedWalBytes === null) return;
    this.metrics.measured(shop.shopId, { lagBytes, retainedBytes: retainedWalBytes });
    const isFollowed = row.state === 'streaming' || row.state === 'mismatch';
    if (isFollowed) await this.inspectPublication(stream, row, signal);
  }

  private async inspectPublication(
    stream: ShopStream,
    row: StreamRow,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { shopId, readUrl, mapping } = stream.shop;
    const tables = [...mapping.tables.keys()];
    const { publicationName } = row;
    const at = this.clock.now();
    const published = await readPublication(readUrl, publicationName, tables, { signal });
    if (stream.sees(row, published) || published.missing.length > 0) return;
    await this.store.setPublished(this.database, { shopId, at });
    const problem = hurtingProblem(published);
    if (problem === row.problem) return;
    const now = this.clock.now();
    await this.store.setStreamingProblem(this.database, { shopId, problem, now });
  }
}

/**
 * The two ways in which a publication can hurt the shop: a table that came to it later, without a key; and
 * a generated column that came to a table whose identity we made full.
 */
function hurtingProblem({ nameless, generated }: PublicationFacts): string | null {
  const problems: string[] = [];
  if (nameless.length > 0)
    problems.push(
      `updates of ${nameless.join(', ')} fail in the shop, since the table is published and has no key: ` +
        'add a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL',
    );
  if (generated.length > 0)
    problems.push(
      `updates of ${generated.map(({ name }) => name).join(', ')} fail in the shop, since the table is published, ` +
        'its replica identity is full, and that cannot hold its generated column: as its owner, ' +
        generated.map(keyIdentityWords).join('; '),
    );
  return problems.length === 0 ? null : problems.join('. And ');
}

function keyIdentityWords({ name, key }: GeneratedTable): string {
  if (key === null) return `add a primary key to ${name}, then ${identitySql(name, 'd')}`;
  return identitySql(name, key.index === null ? 'd' : `i:${key.index}`);
}
