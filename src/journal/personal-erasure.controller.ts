import { Controller, Delete, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Caller } from '../access/caller.js';
import { CallerOf, Needs } from '../access/needs.decorator.js';
import { ZodAnswer, ZodQuery } from '../platform/http/openapi.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import { PersonalErasureService, type Erasure } from './personal-erasure.service.js';

const reasonQuerySchema = z.strictObject({
  /** kept for ever in the audit: the number of the request, not the person's name */
  reason: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^\P{Cc}*$/u, 'one line, without control characters'),
});
type ReasonQuery = z.output<typeof reasonQuerySchema>;

const erasureSchema = z.object({
  shopId: z.string(),
  kind: z.enum(['customer', 'order']),
  id: z.string(),
  erasedAt: z.date(),
  alreadyErased: z.boolean(),
});

@ApiTags('personal data')
@ApiBearerAuth()
@Controller('shops/:shop')
@Needs('admin')
export class PersonalErasureController {
  constructor(private readonly erasures: PersonalErasureService) {}

  @Delete('customers/:customer/personal-data')
  @ApiOperation({
    summary: 'Forgets a customer: names, addresses and contacts become unreadable for ever',
  })
  @ZodQuery(reasonQuerySchema)
  @ZodAnswer(erasureSchema)
  customer(
    @CallerOf() caller: Caller,
    @Param('shop') shopId: string,
    @Param('customer') id: string,
    @Query(new ZodPipe(reasonQuerySchema)) { reason }: ReasonQuery,
  ): Promise<Erasure> {
    return this.erasures.erase(caller, { shopId, kind: 'customer', id }, reason);
  }

  @Delete('orders/:order/personal-data')
  @ApiOperation({
    summary: "Forgets who placed an order without being a customer, by the shop's id of the order",
  })
  @ZodQuery(reasonQuerySchema)
  @ZodAnswer(erasureSchema)
  order(
    @CallerOf() caller: Caller,
    @Param('shop') shopId: string,
    @Param('order') id: string,
    @Query(new ZodPipe(reasonQuerySchema)) { reason }: ReasonQuery,
  ): Promise<Erasure> {
    return this.erasures.erase(caller, { shopId, kind: 'order', id }, reason);
  }
}
