import { Injectable } from '@nestjs/common';
import { AuditService } from '../access/audit.service.js';
import type { Caller } from '../access/caller.js';
import type { Severity } from '../alerting/severity.js';
import type { OrderSnapshot } from '../orders/order-snapshot.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database/database.js';
import { Fault, messageOf } from '../platform/errors.js';
import { Wake } from '../platform/work/wake.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { DeclaredIncidentService } from './declared-incident.service.js';
import type { CancellationFilter } from './incident.js';

/** More orders than this are not one incident that a person can look through. */
const mostOrders = 10_000;

/** What a person declares: cancellations of a period that a detector did not see, or not all of. */
export interface GivenDeclaration {
  readonly shopId: string;
  readonly since: Date;
  /** null: it goes on, and cases are added until the incident is resolved */
  readonly until: Date | null;
  readonly filter: CancellationFilter;
  readonly reason: string;
  readonly severity: Severity | null;
}

/** Incidents declared by hand, also for orders that were hit before Reinstate was attached. */
@Injectable()
export class DeclarationService {
  constructor(
    private readonly database: Database,
    private readonly shops: ShopRegistry,
    private readonly opening: DeclaredIncidentService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly wake: Wake,
  ) {}

  /** Opens the incident and gives its id; cases from the journal follow within a second or so. */
  async declare(caller: Caller, given: GivenDeclaration): Promise<string> {
    const now = this.clock.now();
    checkPeriod(given, now);
    const cancelled = await this.listCancelled(given, now);
    const { shopId, filter, reason, severity } = given;
    const declaration = {
      since: given.since.toISOString(),
      until: given.until?.toISOString() ?? null,
      ...{ filter, reason },
    };
    const incidentId = await this.database.transaction(async (transaction) => {
      const declared = { shopId, declaration, severity, personId: caller.personId, now };
      const id = await this.opening.open(transaction, declared, cancelled);
      await this.audit.record(transaction, {
        ...{ caller, at: now, action: 'incident.declared' },
        ...{ subjectKind: 'incident', subjectId: id, data: { shopId, ...declaration } },
      });
      return id;
    });
    this.wake.notify('incidents');
    return incidentId;
  }

  private async listCancelled(given: GivenDeclaration, now: Date): Promise<OrderSnapshot[]> {
    const { adapter } = this.shops.get(given.shopId);
    const period = { since: given.since, until: given.until ?? now, limit: mostOrders + 1 };
    const found = await adapter.listCancelled(period).catch((error: unknown) => {
      throw unreadableShop(error);
    });
    if (found.length > mostOrders) throw tooMany();
    return found;
  }
}

function checkPeriod(given: GivenDeclaration, now: Date): void {
  if (given.since <= now && (given.until === null || given.until > given.since)) return;
  throw new Fault(
    'invalid',
    'declaration-period-invalid',
    'the period has to begin in the past, and to end after it begins',
  );
}

function unreadableShop(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault(
    'unavailable',
    'shop-unreadable',
    `the shop cannot be asked for its cancelled orders (${messageOf(error)}); try again when it answers`,
  );
}

function tooMany(): Fault {
  return new Fault(
    'invalid',
    'declaration-too-large',
    `the shop has more than ${mostOrders} cancelled orders in this period; declare a shorter one`,
  );
}
