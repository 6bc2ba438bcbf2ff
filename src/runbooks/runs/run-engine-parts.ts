import { Injectable } from '@nestjs/common';
import { AccessService } from '../../access/access.service.js';
import type { Caller } from '../../access/caller.js';
import { allows } from '../../access/role.js';
import { IncidentService } from '../../incidents/incident.service.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { StepValues } from './step-values.js';
import type { RunbookRun } from './run.js';

/** What the engine asks other rooms. */
@Injectable()
export class RunEngineParts {
  constructor(
    readonly incidents: IncidentService,
    readonly values: StepValues,
    private readonly access: AccessService,
    private readonly shops: ShopRegistry,
  ) {}

  /** The person for whom the run acts; undefined where the token is no good any more, or its role too low. */
  async callerOf(run: RunbookRun): Promise<Caller | undefined> {
    const caller = await this.access.callerOf(run.tokenId);
    return caller !== undefined && allows(caller.role, ['responder']) ? caller : undefined;
  }

  profileOf(run: RunbookRun): string {
    return this.shops.get(run.shopId).profile.profile;
  }
}
