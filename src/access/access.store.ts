import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';
import type { Caller } from './caller.js';
import type { Role } from './role.js';

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly kind: 'person' | 'service';
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
}

/** A token without its secret, which nobody can read back. */
export interface AccessToken {
  readonly id: string;
  readonly personId: string;
  readonly role: Role;
  readonly label: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

const personColumns = `id, name, email, kind, created_at AS "createdAt", disabled_at AS "disabledAt"`;
const tokenColumns = `id, person_id AS "personId", role, label, created_at AS "createdAt",
  expires_at AS "expiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;

@Injectable()
export class AccessStore {
  async insertPerson(transaction: Transaction, person: Person): Promise<boolean> {
    const rows = await transaction.query(
      `INSERT INTO person (id, name, email, kind, created_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (name) DO NOTHING RETURNING id`,
      [person.id, person.name, person.email, person.kind, person.createdAt],
    );
    return rows.length === 1;
  }

  async person(reader: Reader, id: string): Promise<Person | undefined> {
    return reader.queryOne<Person>(`SELECT ${personColumns} FROM person WHERE id = $1`, [id]);
  }

  async persons(reader: Reader): Promise<Person[]> {
    return reader.query<Person>(`SELECT ${personColumns} FROM person ORDER BY name`);
  }

  async disablePerson(transaction: Transaction, id: string, now: Date): Promise<boolean> {
    const rows = await transaction.query(
      'UPDATE person SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL RETURNING id',
      [id, now],
    );
    return rows.length === 1;
  }

  async anyPerson(reader: Reader): Promise<boolean> {
    return (await reader.queryOne('SELECT 1 AS found FROM person LIMIT 1')) !== undefined;
  }

  /** Changes that could take the last admin away come one after the other. */
  async lockAdmins(transaction: Transaction): Promise<void> {
    await transaction.query(`SELECT pg_advisory_xact_lock(hashtext('reinstate.admins'))`);
  }

  /** Whether somebody can come in as admin at `now`. */
  async anyAdmin(reader: Reader, { now }: { now: Date }): Promise<boolean> {
    const found = await reader.queryOne(
      `SELECT 1 AS found FROM access_token token JOIN person ON person.id = token.person_id
       WHERE token.role = 'admin' AND token.revoked_at IS NULL AND token.expires_at > $1
         AND person.disabled_at IS NULL LIMIT 1`,
      [now],
    );
    return found !== undefined;
  }

  /** The person, not disabled, whose admin token was good for longest. */
  async lastAdmin(reader: Reader): Promise<string | undefined> {
    const found = await reader.queryOne<{ id: string }>(
      `SELECT person.id FROM access_token token JOIN person ON person.id = token.person_id
       WHERE token.role = 'admin' AND person.disabled_at IS NULL
       ORDER BY token.revoked_at IS NOT NULL, token.expires_at DESC LIMIT 1`,
    );
    return found?.id;
  }

  async insertToken(
    transaction: Transaction,
    token: AccessToken,
    secretHash: Buffer,
  ): Promise<void> {
    await transaction.query(
      `INSERT INTO access_token (id, person_id, role, label, secret_hash, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        token.id,
        token.personId,
        token.role,
        token.label,
        secretHash,
        token.createdAt,
        token.expiresAt,
      ],
    );
  }

  async tokens(reader: Reader, personId: string): Promise<AccessToken[]> {
    return reader.query<AccessToken>(
      `SELECT ${tokenColumns} FROM access_token WHERE person_id = $1 ORDER BY created_at`,
      [personId],
    );
  }

  async revokeToken(
    transaction: Transaction,
    token: { personId: string; tokenId: string; now: Date },
  ): Promise<boolean> {
    const rows = await transaction.query(
      `UPDATE access_token SET revoked_at = $3
       WHERE id = $1 AND person_id = $2 AND revoked_at IS NULL RETURNING id`,
      [token.tokenId, token.personId, token.now],
    );
    return rows.length === 1;
  }

  /** Whose token this is, if it is good at `now`; notes its use, at most once a minute. */
  async useToken(reader: Reader, secretHash: Buffer, now: Date): Promise<Caller | undefined> {
    const caller = await reader.queryOne<Caller & { noted: Date | null }>(
      `SELECT token.id AS "tokenId", person.id AS "personId", person.name, person.kind, token.role,
         token.last_used_at AS noted
       FROM access_token token JOIN person ON person.id = token.person_id
       WHERE token.secret_hash = $1 AND token.revoked_at IS NULL AND token.expires_at > $2
         AND person.disabled_at IS NULL`,
      [secretHash, now],
    );
    if (caller === undefined) return undefined;
    const { noted, ...found } = caller;
    if (noted === null || now.getTime() - noted.getTime() > 60_000) {
      await reader.query('UPDATE access_token SET last_used_at = $2 WHERE id = $1', [
        found.tokenId,
        now,
      ]);
    }
    return found;
  }
}
