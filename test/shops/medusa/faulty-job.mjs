/**
 * A scheduled job of the shop's own that goes wrong, as "cancel unpaid orders" jobs do: it runs inside Medusa, with
 * nobody behind it. POST /faulty-job {"orderIds": [...], "by": "workflow" | "module"} runs it once: by the workflow
 * that the admin API uses too, or by the order module alone, as people write who do not know of the workflow.
 */
import express from 'express';
import { cancelOrderWorkflow } from '@medusajs/medusa/core-flows';
import { Modules } from '@medusajs/framework/utils';

const ways = {
  async workflow(container, orderIds) {
    for (const id of orderIds)
      await cancelOrderWorkflow(container).run({ input: { order_id: id } });
  },
  async module(container, orderIds) {
    await container.resolve(Modules.ORDER).cancel(orderIds);
  },
};

/** Adds the job to the shop; `container` gives Medusa's container once it is there. */
export function addFaultyJob(app, container) {
  addRefunds(app, container);
  app.post('/faulty-job', express.json(), async (request, response) => {
    const { orderIds, by } = request.body;
    try {
      await ways[by](container(), orderIds);
      response.json({ cancelled: orderIds.length });
    } catch (error) {
      response.status(500).json({ message: error.message });
    }
  });
}

/**
 * POST /refunds {"paymentId": "...", "amount": 3.5} gives money back as a job does that knows the payments alone: of a
 * cancelled order too, of which Medusa's own screens refund nothing.
 */
function addRefunds(app, container) {
  app.post('/refunds', express.json(), async (request, response) => {
    const { paymentId: payment_id, amount } = request.body;
    try {
      await container().resolve(Modules.PAYMENT).refundPayment({ payment_id, amount });
      response.json({ refunded: amount });
    } catch (error) {
      response.status(500).json({ message: error.message });
    }
  });
}
