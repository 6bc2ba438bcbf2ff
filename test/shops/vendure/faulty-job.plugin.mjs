/**
 * A scheduled job of the shop's own that goes wrong, as "cancel unpaid orders" jobs do: it runs
 * inside Vendure, through the same service as the admin API, but with no administrator behind it.
 * POST /faulty-job {"orderIds": ["1"], "reason": "...", "cancelShipping": true} runs it once.
 */
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import {
  OrderService,
  PluginCommonModule,
  RequestContextService,
  TransactionalConnection,
  VendurePlugin,
} from '@vendure/core';

class FaultyJobController {
  constructor(orders, contexts, connection) {
    this.orders = orders;
    this.contexts = contexts;
    this.connection = connection;
  }

  /** Cancels each order in a transaction of its own and answers with the state each one ended in. */
  async run(job) {
    const { orderIds, reason, cancelShipping = true } = job;
    const context = await this.contexts.create({ apiType: 'admin' });
    const results = [];
    for (const orderId of orderIds) {
      const result = await this.connection.withTransaction(context, (inTransaction) =>
        this.orders.cancelOrder(inTransaction, { orderId, reason, cancelShipping }),
      );
      results.push({ orderId, state: result.state ?? null, error: result.message ?? null });
    }
    return results;
  }
}

// The decorators are applied by hand: this file runs as it stands, without a compiler.
const run = Object.getOwnPropertyDescriptor(FaultyJobController.prototype, 'run');
Post()(FaultyJobController.prototype, 'run', run);
HttpCode(200)(FaultyJobController.prototype, 'run', run);
Reflect.defineMetadata(
  'design:paramtypes',
  [OrderService, RequestContextService, TransactionalConnection],
  FaultyJobController,
);
Body()(FaultyJobController.prototype, 'run', 0);
Controller('faulty-job')(FaultyJobController);

export class FaultyJobPlugin {}
VendurePlugin({ imports: [PluginCommonModule], controllers: [FaultyJobController] })(
  FaultyJobPlugin,
);
