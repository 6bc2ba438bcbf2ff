import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Needs } from '../access/needs.decorator.js';
import { pageSchema, ZodAnswer, ZodQuery } from '../platform/http/openapi.js';
import type { Page } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import { orderViewSchema } from '../shops/shop.schema.js';
import type { OrderView } from '../shops/shop.service.js';
import type { CaseOfOrder } from './case.store.js';
import { caseOfOrderSchema } from './incident.schema.js';
import {
  orderAtQuerySchema,
  orderAtSchema,
  type OrderAt,
  type OrderAtQuery,
} from './order-as-of.js';
import { OrderAsOfService } from './order-as-of.service.js';
import {
  orderPageQuerySchema,
  OrderService,
  shownEntrySchema,
  type OrderPageQuery,
  type ShownEntry,
} from './order.service.js';

const byNumberOrId =
  'Where one order’s number is another one’s id, the answer is 409 `order-ambiguous` with both: `by` says which is meant. Where only the shop could tell and it does not answer, the answer is 503 `order-unsettled`, and `by` is the way out.';

@ApiTags('orders')
@ApiBearerAuth()
@Controller('shops/:shop/orders/:order')
@Needs('viewer')
export class OrderController {
  constructor(
    private readonly orders: OrderService,
    private readonly ordersAsOf: OrderAsOfService,
  ) {}

  @Get()
  @ApiOperation({
    summary:
      'An order as it stands in the shop now, or (`at`) as it stood then by the journal; by its number or id',
    description: byNumberOrId,
  })
  @ZodQuery(orderAtQuerySchema)
  @ZodAnswer(z.union([orderViewSchema, orderAtSchema]))
  show(
    @Param('shop') shop: string,
    @Param('order') order: string,
    @Query(new ZodPipe(orderAtQuerySchema)) query: OrderAtQuery,
  ): Promise<OrderView | OrderAt> {
    return this.ordersAsOf.show(shop, order, query);
  }

  @Get('cases')
  @ApiOperation({
    summary: 'Which incidents an order is in, by its number or id',
    description: byNumberOrId,
  })
  @ZodQuery(orderPageQuerySchema)
  @ZodAnswer(pageSchema(caseOfOrderSchema))
  cases(
    @Param('shop') shop: string,
    @Param('order') order: string,
    @Query(new ZodPipe(orderPageQuerySchema)) query: OrderPageQuery,
  ): Promise<Page<CaseOfOrder>> {
    return this.orders.casesOf(shop, order, query);
  }

  @Get('journal')
  @ApiOperation({
    summary: 'What happened to an order, oldest first, by its number or id',
    description: byNumberOrId,
  })
  @ZodQuery(orderPageQuerySchema)
  @ZodAnswer(pageSchema(shownEntrySchema))
  journal(
    @Param('shop') shop: string,
    @Param('order') order: string,
    @Query(new ZodPipe(orderPageQuerySchema)) query: OrderPageQuery,
  ): Promise<Page<ShownEntry>> {
    return this.orders.journalOf(shop, order, query);
  }
}
