import type { SourceFacts } from './source/shop-server.js';
import { planStream, slotNameOf, type StreamRow } from './stream-state.js';

const row: StreamRow = {
  shopId: 'main',
  state: 'streaming',
  slotName: 'reinstate_main',
  publicationName: 'reinstate_main',
  slotGeneration: 2,
  incarnation: '7312/1/2',
  confirmedLsn: '0/2000',
  snapshotLsn: '0/1000',
  snapshotRows: 10,
  mappingHash: 'hash',
  identities: {},
  gap: null,
  unseenTables: {},
  publishedAt: null,
  publicationOid: null,
  publicationMembers: {},
  tableColumns: {},
  spooledBytes: 0,
  attachedAt: null,
  lastMessageAt: null,
  watchedSince: null,
  seenUntil: null,
  lastWritten: null,
  problem: null,
};
const source: SourceFacts = {
  systemIdentifier: '7312',
  timeline: 1,
  currentLsn: '0/3000',
  walKeepBytes: null,
  slot: { walStatus: 'reserved', confirmedLsn: '0/2000', restartLsn: '0/1F00', activePid: null },
};
const slot = source.slot!;

describe('what to do about a stream', () => {
  it.each([
    ['goes on where the journal is', row, source, { do: 'stream', from: '0/2000' }],
    [
      'also when the slot has heard less than is journalled',
      row,
      { ...source, slot: { ...slot, confirmedLsn: '0/1F00' } },
      { do: 'stream', from: '0/2000' },
    ],
    [
      'reads images anew for another mapping',
      { ...row, mappingHash: 'other' },
      source,
      { do: 'refresh', from: '0/2000' },
    ],
    [
      'reads images anew of tables that were unseen, whatever they have lost',
      { ...row, gap: 'a table was', unseenTables: { 'shop.payment': 'lost' as const } },
      source,
      { do: 'refresh', from: '0/2000' },
    ],
    [
      'tells what such tables have lost together with what the whole shop has',
      { ...row, gap: 'a table was', unseenTables: { 'shop.payment': 'lost' as const } },
      { ...source, slot: null },
      {
        do: 'snapshot',
        gap: 'a table was; the replication slot reinstate_main is gone: somebody dropped it',
      },
    ],
    [
      'begins with a snapshot',
      { ...row, confirmedLsn: null },
      source,
      { do: 'snapshot', gap: null },
    ],
    [
      'begins a snapshot again that was cut off',
      { ...row, state: 'snapshot' as const },
      source,
      { do: 'snapshot', gap: null },
    ],
    [
      'tells nothing of what a slot did not see that is given up with its snapshot',
      {
        ...row,
        ...{ state: 'snapshot' as const, gap: 'a table was' },
        unseenTables: { 'shop.payment': 'lost' as const },
      },
      source,
      { do: 'snapshot', gap: null },
    ],
    [
      'remembers a gap that is not written down yet',
      { ...row, gap: 'lost it' },
      source,
      { do: 'snapshot', gap: 'lost it' },
    ],
  ])('%s', (_name, given, facts, plan) => {
    expect(planStream(given, facts, { mappingHash: 'hash' })).toEqual(plan);
  });

  it.each([
    ['another server', { ...source, systemIdentifier: '9999' }, 'is another one, or was set back'],
    ['another timeline', { ...source, timeline: 2 }, 'is another one, or was set back'],
    ['a server set back', { ...source, currentLsn: '0/1FFF' }, 'was set back: it stands at 0/1FFF'],
    ['no slot', { ...source, slot: null }, 'somebody dropped it'],
    [
      'a slot without its log',
      { ...source, slot: { ...slot, walStatus: 'lost' } },
      'max_slot_wal_keep_size',
    ],
    [
      'a slot that is further than the journal',
      { ...source, slot: { ...slot, confirmedLsn: '0/2001' } },
      'after what was journalled (0/2000)',
    ],
  ])('a gap and a new snapshot for %s', (_name, facts, words) => {
    const plan = planStream(row, facts, { mappingHash: 'hash' });
    expect(plan.do).toBe('snapshot');
    expect('gap' in plan ? plan.gap : null).toContain(words);
  });

  it('names slots as PostgreSQL allows, and differently for different shops and installations', () => {
    expect(slotNameOf('main-shop', '3fa9c1')).toBe('reinstate_main_shop_3fa9c1');
    const long = 'x'.repeat(62);
    const names = [
      slotNameOf(`${long}a`, '3fa9c1'),
      slotNameOf(`${long}b`, '3fa9c1'),
      slotNameOf(`${long}a`, '000000'),
    ];
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^[a-z0-9_]{1,63}$/);
  });
});
