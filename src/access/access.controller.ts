import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  ParseUUIDPipe,
  Post,
  Query,
} from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { pageSchema, ZodAnswer, ZodBody, ZodQuery } from '../platform/http/openapi.js';
import { pageQuerySchema, type Page, type PageQuery } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import {
  callerSchema,
  issuedTokenSchema,
  newPersonSchema,
  newTokenSchema,
  personSchema,
  tokenSchema,
  type NewPerson,
  type NewToken,
} from './access.schema.js';
import { AccessService, type IssuedToken } from './access.service.js';
import type { AccessToken } from './access.store.js';
import type { PersonEntity } from './person.entity.js';
import type { Caller } from './caller.js';
import { Idempotent } from './idempotency.interceptor.js';
import { CallerOf, Needs } from './needs.decorator.js';

@ApiTags('access')
@ApiBearerAuth()
@Controller('persons')
@Needs('admin')
export class AccessController {
  constructor(private readonly access: AccessService) {}

  @Get('me')
  @Needs('viewer')
  @ApiOperation({ summary: 'Who the token belongs to and what it may do' })
  @ZodAnswer(callerSchema)
  me(@CallerOf() caller: Caller): Caller {
    return caller;
  }

  @Get()
  @ApiOperation({ summary: 'Persons and services, by name' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(personSchema))
  persons(@Query(new ZodPipe(pageQuerySchema)) query: PageQuery): Promise<Page<PersonEntity>> {
    return this.access.persons(query);
  }

  @Post()
  @Idempotent()
  @ApiOperation({ summary: 'Adds a person or a service' })
  @ZodBody(newPersonSchema)
  @ZodAnswer(personSchema, { status: 201 })
  create(
    @CallerOf() caller: Caller,
    @Body(new ZodPipe(newPersonSchema)) body: NewPerson,
  ): Promise<PersonEntity> {
    return this.access.createPerson(caller, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Ends all access of a person; what they did stays' })
  disable(@CallerOf() caller: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.access.disablePerson(caller, id);
  }

  @Get(':id/tokens')
  @ApiOperation({ summary: 'Tokens of a person, without their secrets, oldest first' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(tokenSchema))
  tokens(
    @Param('id', ParseUUIDPipe) id: string,
    @Query(new ZodPipe(pageQuerySchema)) query: PageQuery,
  ): Promise<Page<AccessToken>> {
    return this.access.tokens(id, query);
  }

  @Post(':id/tokens')
  @ApiOperation({ summary: 'Issues a token; its secret is told only in this answer' })
  @ZodBody(newTokenSchema)
  @ZodAnswer(issuedTokenSchema, { status: 201 })
  issue(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) personId: string,
    @Body(new ZodPipe(newTokenSchema)) body: NewToken,
  ): Promise<IssuedToken> {
    return this.access.issueToken(caller, { ...body, personId });
  }

  @Delete(':id/tokens/:token')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revokes a token at once' })
  revoke(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) personId: string,
    @Param('token', ParseUUIDPipe) tokenId: string,
  ): Promise<void> {
    return this.access.revokeToken(caller, { personId, tokenId });
  }
}
