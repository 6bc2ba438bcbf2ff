import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Needs } from '../access/needs.decorator.js';
import { pageSchema, ZodAnswer, ZodQuery } from '../platform/http/openapi.js';
import type { Page } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import type { CaseOfOrder } from './case.store.js';
import { caseOfOrderSchema } from './incident.schema.js';
import {
  orderJournalQuerySchema,
  orderQuerySchema,
  OrderService,
  shownEntrySchema,
  type OrderJournalQuery,
  type OrderQuery,
  type ShownEntry,
} from './order.service.js';

@ApiTags('orders')
@ApiBearerAuth()
@Controller('shops/:shop/orders/:order')
@Needs('viewer')
export class OrderController {
  constructor(private readonly orders: OrderService) {}

  @Get('cases')
  @ApiOperation({ summary: 'Which incidents an order is in, by its number or id' })
  @ZodQuery(orderQuerySchema)
  @ZodAnswer(z.object({ items: z.array(caseOfOrderSchema) }))
  cases(
    @Param('shop') shop: string,
    @Param('order') order: string,
    @Query(new ZodPipe(orderQuerySchema)) query: OrderQuery,
  ): Promise<{ items: CaseOfOrder[] }> {
    return this.orders.casesOf(shop, order, query);
  }

  @Get('journal')
  @ApiOperation({ summary: 'What happened to an order, oldest first, by its number or id' })
  @ZodQuery(orderJournalQuerySchema)
  @ZodAnswer(pageSchema(shownEntrySchema))
  journal(
    @Param('shop') shop: string,
    @Param('order') order: string,
    @Query(new ZodPipe(orderJournalQuerySchema)) query: OrderJournalQuery,
  ): Promise<Page<ShownEntry>> {
    return this.orders.journalOf(shop, order, query);
  }
}
