import { Module, type DynamicModule } from '@nestjs/common';
import { ShopAttacher } from './attach/shop-attacher.js';
import { AttachmentAudit } from './attachment-audit.js';
import { EventComposer } from './event-composer.js';
import { JournalWriter } from './journal-writer.js';
import { LargeTransactionInterpreter } from './large-transaction-interpreter.js';
import { ReplicationController } from './replication.controller.js';
import { ReplicationMetrics } from './replication.metrics.js';
import { ReplicationSettings } from './replication.settings.js';
import { ReplicationService } from './replication.service.js';
import { ReplicationStore } from './replication.store.js';
import { SnapshotWriter } from './snapshot-writer.js';
import { Spool } from './spool.js';
import { SpoolStore } from './spool.store.js';
import { SpoolHolder } from './spool-holder.js';
import { StreamFactory } from './stream-factory.js';
import { StreamInspector } from './stream-inspector.js';
import { ReplicationInspectionStep, StreamKeeper } from './stream-keeper.js';
import { StreamRowMetrics } from './stream-rows.metrics.js';
import { StreamRowsStore } from './stream-rows.store.js';
import { TouchedRowStore } from './touched-row.store.js';
import { TouchedRows } from './touched-rows.js';
import { TransactionInterpreter } from './transaction-interpreter.js';

/** Follows shops by logical replication, from the start of the service to its end. */
@Module({})
export class ReplicationModule {
  static with(parts: { settings: ReplicationSettings }): DynamicModule {
    const exported = [ReplicationService, ReplicationInspectionStep, StreamInspector];
    return {
      module: ReplicationModule,
      global: true,
      controllers: [ReplicationController],
      providers: [
        ...exported,
        AttachmentAudit,
        EventComposer,
        JournalWriter,
        LargeTransactionInterpreter,
        ReplicationMetrics,
        ReplicationStore,
        ShopAttacher,
        SnapshotWriter,
        Spool,
        SpoolHolder,
        SpoolStore,
        StreamFactory,
        StreamKeeper,
        StreamRowMetrics,
        StreamRowsStore,
        TouchedRowStore,
        TouchedRows,
        TransactionInterpreter,
        { provide: ReplicationSettings, useValue: parts.settings },
      ],
      exports: exported,
    };
  }
}
