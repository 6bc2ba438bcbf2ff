import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { z } from 'zod';
import { missingRun } from './run-control.service.js';
import { RunViewService } from './run-view.service.js';

/**
 * Refuses a run that is not there before its stream begins: whatever a route of server-sent events itself
 * throws comes too late for a status.
 */
@Injectable()
export class RunExistsGuard implements CanActivate {
  constructor(private readonly views: RunViewService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { params } = context.switchToHttp().getRequest<{ params: { id: string } }>();
    if (!z.uuid().safeParse(params.id).success) throw missingRun(params.id);
    await this.views.view(params.id);
    return true;
  }
}
