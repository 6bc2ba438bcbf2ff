import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import type { Reader, Transaction } from '../platform/database/database.js';
import { columnsOf } from '../platform/database/entity.js';
import type { MomentCursor } from '../platform/http/page.js';
import { AccessTokenEntity } from './access-token.entity.js';
import type { Caller } from './caller.js';
import { PersonEntity } from './person.entity.js';

/** A token as people may see it: its secret's hash never leaves the database. */
export type AccessToken = Omit<AccessTokenEntity, 'secretHash'>;

/** One may come in by it: neither revoked nor expired, and its person not disabled. */
const goodToken = (now: string): string =>
  `token.revoked_at IS NULL AND token.expires_at > ${now} AND person.disabled_at IS NULL`;

@Injectable()
export class AccessStore {
  /** False where the name is taken. */
  async insertPerson(transaction: Transaction, person: PersonEntity): Promise<boolean> {
    const rows = await transaction.query(
      `INSERT INTO person (id, name, email, kind, created_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (name) DO NOTHING RETURNING id`,
      [person.id, person.name, person.email, person.kind, person.createdAt],
    );
    return rows.length === 1;
  }

  async person(reader: Reader, id: string): Promise<PersonEntity | undefined> {
    return (await reader.repository(PersonEntity).findOneBy({ id })) ?? undefined;
  }

  /** By name, which is unique. */
  async persons(
    reader: Reader,
    { afterName, limit }: { afterName: string | null; limit: number },
  ): Promise<PersonEntity[]> {
    return reader.query<PersonEntity>(
      `SELECT ${columnsOf(PersonEntity, 'p')} FROM person p
       WHERE $1::text IS NULL OR p.name > $1 ORDER BY p.name LIMIT $2`,
      [afterName, limit],
    );
  }

  /** False where there is no such person, or they were disabled before. */
  async disablePerson(transaction: Transaction, id: string, now: Date): Promise<boolean> {
    const persons = transaction.repository(PersonEntity);
    const { affected } = await persons.update({ id, disabledAt: IsNull() }, { disabledAt: now });
    return affected === 1;
  }

  async anyPerson(reader: Reader): Promise<boolean> {
    return reader.repository(PersonEntity).exists();
  }

  /** Changes that could take the last admin away come one after the other. */
  async lockAdmins(transaction: Transaction): Promise<void> {
    await transaction.query(`SELECT pg_advisory_xact_lock(hashtext('reinstate.admins'))`);
  }

  /** Whether somebody can come in as admin at `now`. */
  async anyAdmin(reader: Reader, { now }: { now: Date }): Promise<boolean> {
    const found = await reader.queryOne(
      `SELECT 1 AS found FROM access_token token JOIN person ON person.id = token.person_id
       WHERE token.role = 'admin' AND ${goodToken('$1')} LIMIT 1`,
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
    await transaction.repository(AccessTokenEntity).insert({ ...token, secretHash });
  }

  /** Oldest first. */
  async tokens(
    reader: Reader,
    asked: { personId: string; after: MomentCursor | null; limit: number },
  ): Promise<AccessToken[]> {
    const { personId, after, limit } = asked;
    return reader.query<AccessToken>(
      `SELECT ${columnsOf(AccessTokenEntity, 't')} FROM access_token t
       WHERE t.person_id = $1 AND ($2::timestamptz IS NULL OR (t.created_at, t.id) > ($2, $3::uuid))
       ORDER BY t.created_at, t.id LIMIT $4`,
      [personId, after?.at ?? null, after?.id ?? null, limit],
    );
  }

  /** False where the person has no such token, or it was revoked before. */
  async revokeToken(
    transaction: Transaction,
    token: { personId: string; tokenId: string; now: Date },
  ): Promise<boolean> {
    const { personId, tokenId: id, now } = token;
    const tokens = transaction.repository(AccessTokenEntity);
    const { affected } = await tokens.update(
      { id, personId, revokedAt: IsNull() },
      { revokedAt: now },
    );
    return affected === 1;
  }

  /** Whether this token is good at `now`. */
  async isGood(reader: Reader, { tokenId, now }: { tokenId: string; now: Date }): Promise<boolean> {
    const found = await reader.queryOne(
      `SELECT 1 AS found FROM access_token token JOIN person ON person.id = token.person_id
       WHERE token.id = $1 AND ${goodToken('$2')}`,
      [tokenId, now],
    );
    return found !== undefined;
  }

  /** Whose token this is, if it is good at `now`. */
  async callerOf(
    reader: Reader,
    { tokenId, now }: { tokenId: string; now: Date },
  ): Promise<Caller | undefined> {
    return reader.queryOne<Caller>(
      `SELECT token.id AS "tokenId", person.id AS "personId", person.name, person.kind, token.role
       FROM access_token token JOIN person ON person.id = token.person_id
       WHERE token.id = $1 AND ${goodToken('$2')}`,
      [tokenId, now],
    );
  }

  /** Whose token this is, if it is good at `now`; notes its use, at most once a minute. */
  async useToken(reader: Reader, secretHash: Buffer, now: Date): Promise<Caller | undefined> {
    const caller = await reader.queryOne<Caller & { noted: Date | null }>(
      `SELECT token.id AS "tokenId", person.id AS "personId", person.name, person.kind, token.role,
         token.last_used_at AS noted
       FROM access_token token JOIN person ON person.id = token.person_id
       WHERE token.secret_hash = $1 AND ${goodToken('$2')}`,
      [secretHash, now],
    );
    if (caller === undefined) return undefined;
    const { noted, ...found } = caller;
    if (noted === null || now.getTime() - noted.getTime() > 60_000) {
      const tokens = reader.repository(AccessTokenEntity);
      await tokens.update({ id: found.tokenId }, { lastUsedAt: now });
    }
    return found;
  }
}
