import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configSchema } from '../../src/config/config.schema.js';
import { packageRoot } from '../../src/platform/package-root.js';
import { impliedLockMs, settingSteps } from '../../src/shops/postgres/lock-steps.js';
import { withLiterals } from '../../src/shops/postgres/sql-text.js';

const postgres = {
  replicate: 'postgres://a@localhost/a',
  read: 'postgres://b@localhost/a',
  write: 'postgres://c@localhost/a',
};
const config = configSchema.parse({
  shops: [{ id: 'main', name: 'Main', profile: 'vendure', postgres }],
});

/** The shop's writes come first: what they may have to wait for is said to who runs the shop. */
describe('how long a restore can hold up a write of the shop', () => {
  it('stands in the docs as the defaults have it', async () => {
    const text = await readFile(join(packageRoot(), 'docs/profiles.md'), 'utf8');
    const { restore } = config.shops[0]!;
    expect(text).toMatch(
      new RegExp(`\\(\`transaction_timeout_ms\`\\) \\| ${restore.transaction_timeout_ms} ms`),
    );
    expect(text).toMatch(
      new RegExp(`\\(\`statement_timeout_ms\`\\) \\| ${restore.statement_timeout_ms} ms`),
    );
    expect(text).toContain(`at most ${restore.lock_timeout_ms} ms (\`lock_timeout_ms\`)`);
    expect(text).toContain(`at most ${impliedLockMs} ms for locks`);
  });

  it('is what the transaction is bounded by', () => {
    const steps = settingSteps({ lockMs: 11, statementMs: 22, transactionMs: 33 });
    const sql = steps.map(({ statement }) => withLiterals(statement)).join(';');
    for (const [name, value] of [
      ['lock_timeout', '11ms'],
      ['statement_timeout', '22ms'],
      ['idle_in_transaction_session_timeout', '22ms'],
      ['transaction_timeout', '33ms'],
    ])
      expect(sql).toContain(`('${name}'::text::text, '${value}'::text::text)`);
  });
});
