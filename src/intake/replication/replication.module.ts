import { Module } from '@nestjs/common';
import { ShopAttacher } from './attach/shop-attacher.js';
import { JournalWriter } from './journal-writer.js';
import { ReplicationController } from './replication.controller.js';
import { ReplicationMetrics } from './replication.metrics.js';
import { ReplicationService } from './replication.service.js';
import { ReplicationStore } from './replication.store.js';
import { SnapshotWriter } from './snapshot-writer.js';
import { StreamFactory } from './stream-factory.js';
import { StreamInspector } from './stream-inspector.js';
import { ReplicationInspectionStep, StreamKeeper } from './stream-keeper.js';
import { TransactionInterpreter } from './transaction-interpreter.js';

/** Follows shops by logical replication, from the start of the service to its end. */
@Module({
  controllers: [ReplicationController],
  providers: [
    JournalWriter,
    ReplicationInspectionStep,
    ReplicationMetrics,
    ReplicationService,
    ReplicationStore,
    ShopAttacher,
    SnapshotWriter,
    StreamFactory,
    StreamInspector,
    StreamKeeper,
    TransactionInterpreter,
  ],
  exports: [ReplicationService, ReplicationInspectionStep, StreamInspector],
})
export class ReplicationModule {}
