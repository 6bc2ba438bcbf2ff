import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/platform/database/database.js';
import { BleedingStore } from '../../src/restore/bleeding.store.js';
import { fillLargeJournal, type LargeIncident } from '../support/large-journal.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';

const cases = 500;
let reinstate: ReinstateTestDatabase;
let incident: LargeIncident;

beforeAll(async () => {
  reinstate = await createReinstateDatabase();
  incident = await fillLargeJournal(reinstate, { entries: 40_000, cases });
});
afterAll(() => reinstate.drop());

/** A node of a plan as PostgreSQL tells it, as far as it is looked at here. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Alias?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Answers with how a statement was carried out. */
class Explaining extends Database {
  plans: PlanNode[] = [];

  override async query<T extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<T[]> {
    const told = await super.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${sql}`,
      parameters,
    );
    this.plans = told.flatMap((row) => row['QUERY PLAN'].map(({ Plan }) => Plan));
    return [];
  }
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

/** What was seen after a position, and how the journal was read for it. */
async function seen(afterPosition: number) {
  const settledBefore = new Date('2027-01-01T00:00:00Z');
  const sought = { id: incident.id, shopId: incident.shopId, afterPosition, settledBefore };
  const store = new BleedingStore();
  const found = await store.seen(reinstate.database, sought);
  const explaining = new Explaining(reinstate.database.dataSource);
  await store.seen(explaining, sought);
  const scans = explaining.plans
    .flatMap(nodesOf)
    .filter((node) => node['Relation Name']?.startsWith('journal_entry') === true);
  const rows = scans.map(
    (scan) => (scan['Actual Rows'] + (scan['Rows Removed by Filter'] ?? 0)) * scan['Actual Loops'],
  );
  return {
    positions: found.map(({ position }) => position),
    wholly: scans.filter((scan) => scan['Node Type'] === 'Seq Scan').map((scan) => scan.Alias),
    scans: scans.length,
    rowsRead: rows.reduce((sum, count) => sum + count, 0),
  };
}

describe('the question before each order of a run, in a large journal', () => {
  it('reads only what came after the run’s start', async () => {
    const { head } = incident;
    const { positions, ...read } = await seen(head - 100);
    expect(positions).toEqual([head - 80, head - 60, head - 40, head - 20, head]);
    expect(read.scans).toBeGreaterThan(0);
    expect(read.wholly).toEqual([]);
    // each cancellation once, the harm's once more, and the later entries of what is no case of it
    expect(read.rowsRead).toBeLessThanOrEqual(20);
  });

  it('reads nothing where nothing came', async () => {
    const { positions, ...read } = await seen(incident.head);
    expect(positions).toEqual([]);
    expect(read).toMatchObject({ wholly: [], rowsRead: 0 });
  });

  it('never reads a whole partition, even for all of the incident', async () => {
    const { positions, ...read } = await seen(-1);
    expect(positions).toHaveLength(cases + 2);
    expect(read.wholly).toEqual([]);
    // the harm's are read twice, and of the other job's, which are as many, no later entry
    expect(read.rowsRead).toBeLessThanOrEqual(3 * (cases + 2) + 10);
  });
});
