import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UnreadData, type UnreadHolder } from '../../journal/unread-data.js';
import type { Reader } from '../../platform/database/database.js';
import { ReplicationStore } from './replication.store.js';

/** Says of the spool that it holds persons whom nobody can name before it is interpreted. */
@Injectable()
export class SpoolHolder implements UnreadHolder, OnModuleInit {
  constructor(
    private readonly unread: UnreadData,
    private readonly store: ReplicationStore,
  ) {}

  onModuleInit(): void {
    this.unread.register(this);
  }

  async holdsUnread(reader: Reader, shopId: string): Promise<boolean> {
    return this.store.hasSpool(reader, shopId);
  }
}
