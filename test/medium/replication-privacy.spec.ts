import { Logger, type LoggerService } from '@nestjs/common';
import { withClient } from '../support/postgres.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { cancelOrder, createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

const personal = 'jane.doe@example.org';

/** Everything that is logged, as one text. */
class Listener implements LoggerService {
  text = '';
  log = (...given: unknown[]): void => this.note(given);
  warn = (...given: unknown[]): void => this.note(given);
  error = (...given: unknown[]): void => this.note(given);

  private note(given: unknown[]): void {
    this.text += `${given.map(String).join(' ')}\n`;
  }
}

describe('failures that quote a person', () => {
  let shop: TestShop;
  let harness: Harness;
  const listener = new Listener();

  beforeAll(async () => {
    Logger.overrideLogger(listener);
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      placeOrder({ id: 1, customer: personal }),
    );
  });

  afterAll(async () => {
    await harness.close();
    await shop.drop();
    Logger.overrideLogger(['warn', 'error']);
  });

  it('the shop’s own words are not repeated when it refuses an attach', async () => {
    await shop.query(
      `CREATE FUNCTION shop.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
       BEGIN
         RAISE EXCEPTION 'no: %', (SELECT customer_id FROM shop.orders LIMIT 1) USING DETAIL = '${personal}';
       END $$`,
    );
    await shop.query(
      `CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION shop.refuse()`,
    );
    const refusal = await harness.attach().then(
      () => undefined,
      (error: unknown) => error,
    );
    await shop.query('DROP EVENT TRIGGER refuse');
    expect(refusal).toMatchObject({
      code: 'shop-refused',
      message: 'the shop’s database refused: the server refused a statement (SQLSTATE P0001)',
    });
    expect(JSON.stringify([refusal, (refusal as Error).message])).not.toContain(personal);
  });

  it('nor are those of our own database, in log, status or stored row; the SQLSTATE is told', async () => {
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await withClient(harness.reinstate.url, (client) =>
      client.query(
        `CREATE FUNCTION reinstate.quote_it() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'cannot keep %', NEW.image USING DETAIL = NEW.image::text, ERRCODE = '22P02'; END $$;
         CREATE TRIGGER quote_it BEFORE INSERT ON reinstate.row_image
           FOR EACH ROW EXECUTE FUNCTION reinstate.quote_it()`,
      ),
    );
    await shop.run(cancelOrder(1));
    const row = await until('said', async () => {
      const now = await harness.row();
      return now.state === 'interrupted' && now;
    });
    expect(row.problem).toContain('a value does not fit (SQLSTATE 22P02)');
    // it is tried again ever more seldom, and never taken for well in between
    const seen = new Set<string>();
    const later = await until('tried thrice', async () => {
      const now = await harness.row();
      seen.add(now.state);
      return now.problem?.includes('failed 3 times in a row') === true && now;
    });
    expect([...seen]).toEqual(['interrupted']);
    expect(later.problem).toMatch(/tried again after 0\.4 s$/);
    const [stored] = await harness.database.query<{ text: string }>(
      'SELECT row_to_json(stream)::text AS text FROM replication_stream stream',
    );
    expect(stored?.text).toContain('22P02');
    expect(stored?.text).not.toContain(personal);
    expect(listener.text).toContain('22P02');
    expect(listener.text).not.toContain(personal);

    await withClient(harness.reinstate.url, (client) =>
      client.query('DROP TRIGGER quote_it ON reinstate.row_image'),
    );
    await harness.caughtUp();
    await until('well', async () => {
      const { state, problem } = await harness.row();
      return state === 'streaming' && problem === null;
    });
  });
});
