import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ZodPipe } from '../../platform/http/zod.pipe.js';
import { observationQuerySchema } from './observation.schema.js';
import { ObservationService } from './observation.service.js';

/** Refuses before the stream begins: what a route of server-sent events throws comes too late for a status. */
@Injectable()
export class ObservationGuard implements CanActivate {
  constructor(private readonly observations: ObservationService) {}

  canActivate(context: ExecutionContext): boolean {
    const { params, query } = context
      .switchToHttp()
      .getRequest<{ params: { shop: string }; query: unknown }>();
    new ZodPipe(observationQuerySchema).transform(query);
    this.observations.require(params.shop);
    return true;
  }
}
