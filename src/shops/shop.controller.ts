import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Caller } from '../access/caller.js';
import { CallerOf, Needs } from '../access/needs.decorator.js';
import { pageSchema, ZodAnswer, ZodBody, ZodQuery } from '../platform/http/openapi.js';
import { pageQuerySchema, type Page, type PageQuery } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import type { CheckReport } from './shop-adapter.js';
import { checkReportSchema, shopSchema, stopSchema, type StopRequest } from './shop.schema.js';
import { ShopService, type ShopView } from './shop.service.js';

@ApiTags('shops')
@ApiBearerAuth()
@Controller('shops')
export class ShopController {
  constructor(private readonly shops: ShopService) {}

  @Get()
  @ApiOperation({ summary: 'The watched shops, and whether they may be written to' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(shopSchema))
  list(@Query(new ZodPipe(pageQuerySchema)) query: PageQuery): Promise<Page<ShopView>> {
    return this.shops.list(query);
  }

  @Get(':shop')
  @ApiOperation({ summary: 'One shop' })
  @ZodAnswer(shopSchema)
  view(@Param('shop') shop: string): Promise<ShopView> {
    return this.shops.view(shop);
  }

  @Post(':shop/check')
  @HttpCode(200)
  @Needs('responder')
  @ApiOperation({ summary: 'Proves the profile on the live shop; reads only' })
  @ZodAnswer(checkReportSchema)
  check(@Param('shop') shop: string): Promise<CheckReport> {
    return this.shops.check(shop);
  }

  @Post(':shop/arm')
  @HttpCode(200)
  @Needs('admin')
  @ApiOperation({ summary: 'Allows restores, after a check without errors' })
  @ZodAnswer(shopSchema)
  arm(@CallerOf() caller: Caller, @Param('shop') shop: string): Promise<ShopView> {
    return this.shops.arm(caller, shop);
  }

  @Post(':shop/disarm')
  @HttpCode(200)
  @Needs('responder')
  @ApiOperation({ summary: 'Forbids restores: the shop is only observed' })
  @ZodAnswer(shopSchema)
  disarm(@CallerOf() caller: Caller, @Param('shop') shop: string): Promise<ShopView> {
    return this.shops.disarm(caller, shop);
  }

  @Post(':shop/stop')
  @HttpCode(200)
  @Needs('responder')
  @ApiOperation({ summary: 'The kill switch: no restore starts or goes on' })
  @ZodBody(stopSchema)
  @ZodAnswer(shopSchema)
  stop(
    @CallerOf() caller: Caller,
    @Param('shop') shop: string,
    @Body(new ZodPipe(stopSchema)) body: StopRequest,
  ): Promise<ShopView> {
    return this.shops.stop(caller, shop, body.reason);
  }

  @Post(':shop/resume')
  @HttpCode(200)
  @Needs('approver')
  @ApiOperation({ summary: 'Releases the kill switch' })
  @ZodAnswer(shopSchema)
  resume(@CallerOf() caller: Caller, @Param('shop') shop: string): Promise<ShopView> {
    return this.shops.resume(caller, shop);
  }
}
