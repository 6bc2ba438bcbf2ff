import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { AccessStore, type AccessToken, type Person } from './access.store.js';
import { AuditService } from './audit.service.js';
import type { Caller } from './caller.js';
import type { Role } from './role.js';
import { newToken, tokenHash } from './token.js';

const dayMs = 86_400_000;
const firstTokenDays = 90;

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

  /** On the very first start: a person "admin" with an admin token. Afterwards: undefined. */
  async ensureFirstAdmin(): Promise<IssuedToken | undefined> {
    return this.database.transaction(async (transaction) => {
      if (await this.store.anyPerson(transaction)) return undefined;
      const person = this.personOf({ name: 'admin', email: null, kind: 'person' });
      if (!(await this.store.insertPerson(transaction, person))) return undefined;
      const issued = this.tokenOf({
        personId: person.id,
        role: 'admin',
        label: 'first start',
        days: firstTokenDays,
      });
      await this.store.insertToken(transaction, issued.token, tokenHash(issued.secret));
      await this.audit.record(transaction, {
        caller: null,
        at: this.clock.now(),
        action: 'person.created',
        subjectKind: 'person',
        subjectId: person.id,
        data: { name: person.name, why: 'first start' },
      });
      return issued;
    });
  }

  async persons(): Promise<Person[]> {
    return this.store.persons(this.database);
  }

  async tokens(personId: string): Promise<AccessToken[]> {
    return this.store.tokens(this.database, personId);
  }

  async createPerson(
    caller: Caller,
    given: { name: string; email: string | null; kind: 'person' | 'service' },
  ): Promise<Person> {
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

  /** Ends all access of a person at once; what they did stays. */
  async disablePerson(caller: Caller, personId: string): Promise<void> {
    await this.database.transaction(async (transaction) => {
      if (!(await this.store.disablePerson(transaction, personId, this.clock.now())))
        throw missing('person', personId);
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
      if (person === undefined) throw missing('person', given.personId);
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

  async revokeToken(caller: Caller, tokenId: string): Promise<void> {
    await this.database.transaction(async (transaction) => {
      if (!(await this.store.revokeToken(transaction, tokenId, this.clock.now())))
        throw missing('token', tokenId);
      await this.audit.record(transaction, {
        caller,
        at: this.clock.now(),
        action: 'token.revoked',
        subjectKind: 'token',
        subjectId: tokenId,
      });
    });
  }

  private async record(
    transaction: Parameters<AuditService['record']>[0],
    change: { caller: Caller; action: string; personId: string; data: Record<string, unknown> },
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
  }): Person {
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
