import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.decorator.js';
import { Fault } from '../platform/errors.js';
import { TextAnswer } from '../platform/http/openapi.js';
import { alertNames } from './alert.js';
import { AlertingSettings } from './alerting.settings.js';

/** Where an alert's `runbook_url` leads to. */
@ApiTags('alerts')
@ApiBearerAuth()
@Controller('runbooks')
@Needs('viewer')
export class RunbookController {
  constructor(private readonly settings: AlertingSettings) {}

  @Get(':name')
  @Header('content-type', 'text/markdown; charset=utf-8')
  @ApiOperation({ summary: 'What to do about an alert, as Markdown' })
  @TextAnswer('text/markdown')
  read(@Param('name') name: string): Promise<string> {
    return readRunbook(this.settings.runbooksDirectory, name);
  }
}

/** Only names of the closed list: a path never comes from a request. */
async function readRunbook(directory: string, name: string): Promise<string> {
  const known = alertNames.find((alertName) => alertName === name);
  if (known === undefined)
    throw new Fault(
      'missing',
      'runbook-unknown',
      `there is no runbook "${name}"; there are: ${alertNames.join(', ')}`,
    );
  return readFile(join(directory, `${known}.md`), 'utf8');
}
