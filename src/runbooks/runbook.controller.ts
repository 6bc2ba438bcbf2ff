import { Body, Controller, Get, Header, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.decorator.js';
import { pageSchema, TextAnswer, ZodAnswer, ZodBody, ZodQuery } from '../platform/http/openapi.js';
import { pageOfWhole, pageQuerySchema, type Page, type PageQuery } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import { titleOf, type Step } from './definition.js';
import { RunbookLibrary, type Runbook } from './runbook-library.js';
import {
  lintAnswerSchema,
  lintBodySchema,
  runbookSchema,
  type LintAnswer,
  type LintBody,
  type RunbookView,
} from './runbook.schema.js';

@ApiTags('runbooks')
@ApiBearerAuth()
@Controller('runbooks')
@Needs('viewer')
export class RunbookController {
  constructor(private readonly library: RunbookLibrary) {}

  @Get()
  @ApiOperation({ summary: 'Runbooks by name, each with its steps and what is wrong with it' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(runbookSchema))
  async list(@Query(new ZodPipe(pageQuerySchema)) query: PageQuery): Promise<Page<RunbookView>> {
    return pageOfWhole((await this.library.list()).map(viewOf), query, ({ name }) => name);
  }

  @Post('lint')
  @HttpCode(200)
  @ApiOperation({
    summary: 'All that is wrong with a runbook’s text, by line; changes nothing',
    description: 'Judged by the hosts that this service’s configuration allows.',
  })
  @ZodBody(lintBodySchema)
  @ZodAnswer(lintAnswerSchema)
  lint(@Body(new ZodPipe(lintBodySchema)) { name, text }: LintBody): LintAnswer {
    const { faults, steps } = this.library.lint(name, text);
    return { ok: faults.length === 0, faults: [...faults], steps: steps.map(stepView) };
  }

  /** Where an alert's `runbook_url` leads to. */
  @Get(':name')
  @Header('content-type', 'text/markdown; charset=utf-8')
  @ApiOperation({ summary: 'What to do about an alert, as Markdown' })
  @TextAnswer('text/markdown')
  async read(@Param('name') name: string): Promise<string> {
    return (await this.library.get(name)).text;
  }
}

function viewOf({ name, textHash, steps, faults }: Runbook): RunbookView {
  return { name, textHash, steps: steps.map(stepView), faults: [...faults] };
}

function stepView(step: Step): RunbookView['steps'][number] {
  return { name: step.name, kind: step.kind, title: titleOf(step) };
}
