import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Clock } from '../platform/clock.js';
import { Database, type Transaction } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import {
  decodeCursor,
  momentCursorSchema,
  pageOf,
  type Page,
  type PageQuery,
} from '../platform/http/page.js';
import { newId } from '../platform/ids.js';
import { AccessStore, type AccessToken } from './access.store.js';
import { AuditService } from './audit.service.js';
import type { Caller } from './caller.js';
import type { PersonEntity } from './person.entity.js';
import type { Role } from './role.js';
import { newToken, tokenHash } from './token.js';

const dayMs = 86_400_000;
const firstTokenDays = 90;
const nameCursorSchema = z.string().regex(/^\P{Cc}*$/u);

/** A token together with its secret, which is told this once. */
export interface IssuedToken {
  readonly token: AccessToken;
  readonly secret: string;
}

/** Persons and services, and the tokens by which they come in. */
@Injectable()
export class AccessService {
  constructor(
    private readonly database: Database,
    private readonly store: AccessStore,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Whose secret this is, or undefined where it is unknown, expired, revoked or its person disabled. */
  async authenticate(secret: string): Promise<Caller | undefined> {
    return this.store.useToken(this.database, tokenHash(secret), this.clock.now());
  }

  /** Who acts by this token in the background; undefined where one could not come in by it any more. */
  async callerOf(tokenId: string): Promise<Caller | undefined> {
    return this.store.callerOf(this.database, { tokenId, now: this.clock.now() });
  }

  /** Whether one may still come in by this token. */
  async isGood(tokenId: string): Promise<boolean> {
    return this.store.isGood(this.database, { tokenId, now: this.clock.now() });
  }

  /**
   * At each start: an admin token where nobody could come in as admin. On the very first start it
   * belongs to a new person "admin"; later, where the last admin token has expired, to the last who
   * had one. Whoever can start the service owns its database anyway. Otherwise undefined.
   */
  async ensureFirstAdmin(): Promise<IssuedToken | undefined> {
    return this.database.transaction(async (transaction) => {
      await this.store.lockAdmins(transaction);
      const now = this.clock.now();
      if (await this.store.anyAdmin(transaction, { now })) return undefined;
      const first = !(await this.store.anyPerson(transaction));
      const personId = first
        ? await this.insertFirstAdmin(transaction)
        : await this.store.lastAdmin(transaction);
      if (personId === undefined) return undefined;
      const label = first ? 'first start' : 'no admin token was left';
      const issued = this.tokenOf({ personId, role: 'admin', label, days: firstTokenDays });
      await this.store.insertToken(transaction, issued.token, tokenHash(issued.secret));
      const data = { tokenId: issued.token.id, role: 'admin', label };
      await this.record(transaction, { caller: null, action: 'token.issued', personId, data });
      return issued;
    });
  }

  /** By name. */
  async persons({ limit, cursor }: PageQuery): Promise<Page<PersonEntity>> {
    const afterName = decodeCursor(cursor, nameCursorSchema);
    const found = await this.store.persons(this.database, { afterName, limit: limit + 1 });
    return pageOf(found, limit, ({ name }) => name);
  }

  /** Of one person, oldest first. */
  async tokens(personId: string, { limit, cursor }: PageQuery): Promise<Page<AccessToken>> {
    const after = decodeCursor(cursor, momentCursorSchema);
    if ((await this.store.person(this.database, personId)) === undefined)
      throw missing('person', personId);
    const found = await this.store.tokens(this.database, { personId, after, limit: limit + 1 });
    return pageOf(found, limit, ({ createdAt: at, id }) => ({ at, id }));
  }

  async createPerson(
    caller: Caller,
    given: { name: string; email: string | null; kind: 'person' | 'service' },
  ): Promise<PersonEntity> {
    const person = this.personOf(given);
    await this.database.transaction(async (transaction) => {
      if (!(await this.store.insertPerson(transaction, person))) {
        throw new Fault(
          'conflict',
          'name-taken',
          `there is a person or service named "${given.name}" already`,
        );
      }
      await this.record(transaction, {
        caller,
        action: 'person.created',
        personId: person.id,
        data: { name: person.name },
      });
    });
    return person;
  }

  /** Ends all access of a person at once; what they did stays. Refused where nobody else is admin. */
  async disablePerson(caller: Caller, personId: string): Promise<void> {
    await this.database.transaction(async (transaction) => {
      await this.store.lockAdmins(transaction);
      if (!(await this.store.disablePerson(transaction, personId, this.clock.now())))
        throw missing('person', personId);
      await this.refuseWithoutAdmin(transaction);
      await this.record(transaction, { caller, action: 'person.disabled', personId, data: {} });
    });
  }

  async issueToken(
    caller: Caller,
    given: { personId: string; role: Role; label: string; days: number },
  ): Promise<IssuedToken> {
    const issued = this.tokenOf(given);
    await this.database.transaction(async (transaction) => {
      const person = await this.store.person(transaction, given.personId);
      if (person === undefined || person.disabledAt !== null)
        throw missing('person', given.personId);
      if (person.kind === 'service' && given.role === 'approver') {
        throw new Fault(
          'invalid',
          'service-cannot-approve',
          'a service cannot be an approver: approvals are given by persons',
        );
      }
      await this.store.insertToken(transaction, issued.token, tokenHash(issued.secret));
      const data = { tokenId: issued.token.id, role: given.role, label: given.label };
      await this.record(transaction, {
        caller,
        action: 'token.issued',
        personId: given.personId,
        data,
      });
    });
    return issued;
  }

  /** Ends one token at once. Refused where it is the last by which an admin can come in. */
  async revokeToken(caller: Caller, token: { personId: string; tokenId: string }): Promise<void> {
    const { personId, tokenId } = token;
    await this.database.transaction(async (transaction) => {
      await this.store.lockAdmins(transaction);
      if (!(await this.store.revokeToken(transaction, { ...token, now: this.clock.now() })))
        throw missing('token', tokenId);
      await this.refuseWithoutAdmin(transaction);
      const data = { tokenId };
      await this.record(transaction, { caller, action: 'token.revoked', personId, data });
    });
  }

  /** A change that locks everybody out is a slip: it is taken back. */
  private async refuseWithoutAdmin(transaction: Transaction): Promise<void> {
    if (await this.store.anyAdmin(transaction, { now: this.clock.now() })) return;
    throw new Fault(
      'conflict',
      'last-admin',
      'afterwards nobody could come in as admin: issue an admin token to another person first',
    );
  }

  private async insertFirstAdmin(transaction: Transaction): Promise<string | undefined> {
    const person = this.personOf({ name: 'admin', email: null, kind: 'person' });
    if (!(await this.store.insertPerson(transaction, person))) return undefined;
    const data = { name: person.name, why: 'first start' };
    const personId = person.id;
    await this.record(transaction, { caller: null, action: 'person.created', personId, data });
    return personId;
  }

  private async record(
    transaction: Transaction,
    change: {
      caller: Caller | null;
      action: string;
      personId: string;
      data: Record<string, unknown>;
    },
  ): Promise<void> {
    const { caller, action, personId, data } = change;
    await this.audit.record(transaction, {
      caller,
      at: this.clock.now(),
      action,
      subjectKind: 'person',
      subjectId: personId,
      data,
    });
  }

  private personOf(given: {
    name: string;
    email: string | null;
    kind: 'person' | 'service';
  }): PersonEntity {
    return { id: newId(), ...given, createdAt: this.clock.now(), disabledAt: null };
  }

  private tokenOf(given: {
    personId: string;
    role: Role;
    label: string;
    days: number;
  }): IssuedToken {
    const { personId, role, label, days } = given;
    const createdAt = this.clock.now();
    const expiresAt = new Date(createdAt.getTime() + days * dayMs);
    const token = {
      id: newId(),
      personId,
      role,
      label,
      createdAt,
      expiresAt,
      revokedAt: null,
      lastUsedAt: null,
    };
    return { token, secret: newToken() };
  }
}

function missing(kind: 'person' | 'token', id: string): Fault {
  return new Fault('missing', `${kind}-unknown`, `there is no active ${kind} ${id}`);
}
