import type { JsonClient } from '../../demo/story/json-client.js';
import { until } from '../../demo/story/waiting.js';
import type { House } from '../setting/house.js';
import { shopId, type OrderRange } from '../setting/bench-shop.js';

const limit = { timeoutMs: 60_000, everyMs: 25 };

/**
 * Between two episodes Reinstate forgets the last one, as ten quiet minutes would make it: its finding is closed, its
 * detector is again what it was before, its incident is resolved. All of it outside what is measured.
 */
export class Forgetting {
  private constructor(
    private readonly house: House,
    private readonly responder: JsonClient,
  ) {}

  /** Keeps what the detector has learnt of the shop's past. */
  static async learnt(house: House): Promise<Forgetting> {
    const isTaught = async () =>
      (await house.query('SELECT FROM detector_state')).length > 0 || undefined;
    await until('the detector to be taught', isTaught, limit);
    await house.query('CREATE TABLE bench_detector AS SELECT * FROM detector_state');
    return new Forgetting(house, await house.as('responder'));
  }

  /** An episode: its incident, and the orders that were cancelled in it. */
  async forget(incidentId: string, orders: OrderRange): Promise<void> {
    const { house } = this;
    await until('all to be told', () => this.isQuiet(incidentId, orders), limit);
    const reason = 'the bench goes on';
    await this.responder.post(`/incidents/${incidentId}/resolve`, { reason, override: reason });
    await house.query(
      `WITH closed AS (
         UPDATE finding SET state = 'closed', closed_at = clock_timestamp(), version = version + 1,
           measure = jsonb_set(measure, '{rising}', 'false') WHERE state = 'live')
       UPDATE detector_state d SET state = b.state, revision = d.revision + 1,
         position = s.journal_head, state_position = s.journal_head
         FROM bench_detector b CROSS JOIN shop s WHERE s.id = $1`,
      [shopId],
    );
    await until('the alert to be resolved', () => this.isForgotten(), limit);
  }

  /**
   * Every order has come, every entry was read, and the incident knows of them. One that came later would open the
   * incident again, and the next episode would be told as its growth.
   */
  private async isQuiet(
    incidentId: string,
    { first, count }: OrderRange,
  ): Promise<true | undefined> {
    const [row] = await this.house.query<{ quiet: boolean }>(
      `SELECT d.position >= s.journal_head
          AND NOT EXISTS (SELECT FROM finding f LEFT JOIN alert a ON a.finding_id = f.id
                           WHERE f.state = 'live' AND a.finding_version IS DISTINCT FROM f.version)
          AND NOT EXISTS (SELECT FROM alert a LEFT JOIN incident_alert l ON l.alert_id = a.id
                           WHERE l.alert_version IS DISTINCT FROM a.version)
          AND (SELECT count(*) FROM incident_case WHERE incident_id = $2) > 0
          AND (SELECT count(DISTINCT order_id) FROM journal_entry
                WHERE order_id = ANY($3) AND 'cancelled' = ANY(kinds)) = cardinality($3) AS quiet
         FROM shop s JOIN detector_state d ON d.shop_id = s.id WHERE s.id = $1`,
      [shopId, incidentId, Array.from({ length: count }, (_none, place) => `${first + place}`)],
    );
    return row?.quiet === true || undefined;
  }

  private async isForgotten(): Promise<true | undefined> {
    const live = await this.house.query(
      `SELECT FROM alert a LEFT JOIN incident_alert l ON l.alert_id = a.id
        WHERE a.state <> 'resolved' OR l.alert_version IS DISTINCT FROM a.version`,
    );
    return live.length === 0 || undefined;
  }
}
