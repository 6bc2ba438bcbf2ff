import type { Database } from '../database/database.js';

/** Who may do a piece of background work. A lease that ran out may be taken over; the epoch then grows. */
export class LeaseStore {
  constructor(private readonly database: Database) {}

  /** Takes or prolongs the lease; its epoch, or undefined while another owner holds it. */
  async acquire(lease: {
    name: string;
    owner: string;
    now: Date;
    durationMs: number;
  }): Promise<number | undefined> {
    const row = await this.database.queryOne<{ epoch: number }>(
      `INSERT INTO work_lease AS held (name, owner, epoch, expires_at)
       VALUES ($1, $2, 1, $3::timestamptz + $4 * interval '1 millisecond')
       ON CONFLICT (name) DO UPDATE
         SET owner = $2, expires_at = excluded.expires_at,
             epoch = held.epoch + CASE WHEN held.owner = $2 THEN 0 ELSE 1 END
         WHERE held.owner = $2 OR held.expires_at <= $3
       RETURNING epoch`,
      [lease.name, lease.owner, lease.now, lease.durationMs],
    );
    return row?.epoch;
  }

  /** Gives the lease back, so that the next owner need not wait until it runs out. */
  async release(lease: { name: string; owner: string }): Promise<void> {
    await this.database.query('DELETE FROM work_lease WHERE name = $1 AND owner = $2', [
      lease.name,
      lease.owner,
    ]);
  }
}
