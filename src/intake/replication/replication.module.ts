import { Module, type DynamicModule } from '@nestjs/common';
import { ShopAttacher } from './attach/shop-attacher.js';
import { AttachmentAudit } from './attachment-audit.js';
import { JournalWriter } from './journal-writer.js';
import { ReplicationController } from './replication.controller.js';
import { ReplicationMetrics } from './replication.metrics.js';
import { ReplicationSettings } from './replication.settings.js';
import { ReplicationService } from './replication.service.js';
import { ReplicationStore } from './replication.store.js';
import { SnapshotWriter } from './snapshot-writer.js';
import { SpoolHolder } from './spool-holder.js';
import { StreamFactory } from './stream-factory.js';
import { StreamInspector } from './stream-inspector.js';
import { ReplicationInspectionStep, StreamKeeper } from './stream-keeper.js';
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
        JournalWriter,
        ReplicationMetrics,
        ReplicationStore,
        ShopAttacher,
        SnapshotWriter,
        SpoolHolder,
        StreamFactory,
        StreamKeeper,
        TransactionInterpreter,
        { provide: ReplicationSettings, useValue: parts.settings },
      ],
      exports: exported,
    };
  }
}
