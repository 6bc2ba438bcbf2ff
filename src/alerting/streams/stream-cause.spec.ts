import { describe, expect, it } from '@jest/globals';
import { causesOf, isSilent, isWell, type ShopAnswer, type WatchedStream } from './stream-cause.js';

const now = new Date('2026-03-01T12:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);
const well: WatchedStream = {
  shopId: 'main',
  state: 'streaming',
  slotName: 'reinstate_main',
  confirmedLsn: '0/100',
  gap: null,
  problem: null,
  lastMessageAt: ago(1),
  updatedAt: ago(1),
};
const noGaps = { wholes: [], rows: [] };

function named(stream: Partial<WatchedStream>, answer: ShopAnswer = 'quiet'): string[] {
  const found = causesOf({ ...well, ...stream }, { gaps: noGaps, answer, now });
  return found.map(({ name, severity, graceMs }) => `${name} ${severity} ${graceMs / 1_000}s`);
}

describe('what is wrong with a stream', () => {
  it.each<[string, Partial<WatchedStream>, string[]]>([
    ['streaming', {}, []],
    ['detached, whatever else its row says', { state: 'detached', gap: 'old' }, []],
    ['its first snapshot', { state: 'snapshot', lastMessageAt: null }, []],
    ['interrupted', { state: 'interrupted', problem: 'x' }, ['IntakeStalled high 60s']],
    ['a snapshot that fails', { state: 'snapshot', problem: 'x' }, ['IntakeStalled high 60s']],
    [
      'a snapshot that does not get on',
      { state: 'snapshot', updatedAt: ago(300) },
      ['IntakeStalled high 60s'],
    ],
    ['a snapshot that does', { state: 'snapshot', updatedAt: ago(299) }, []],
    ['lost', { state: 'lost', gap: 'the slot is gone', problem: 'x' }, ['JournalGap high 0s']],
    ['tables that do not fit', { state: 'mismatch', problem: 'x' }, ['MappingMismatch high 0s']],
    ['a table without a key', { problem: 'updates of t fail' }, ['TableWithoutKey critical 0s']],
  ])('%s', (_what, stream, expected) => {
    expect(named(stream)).toEqual(expected);
  });

  it('is that it is silent although the shop goes on', () => {
    expect(named({ lastMessageAt: ago(600) })).toEqual([]);
    expect(named({ lastMessageAt: ago(600) }, 'goes-on')).toEqual(['IntakeStalled high 60s']);
  });

  it('is a gap that the journal has got since', () => {
    const gaps = { wholes: ['the slot is gone'], rows: ['shop.orders [1]: not known'] };
    const found = causesOf(well, { gaps, answer: 'quiet', now });
    expect(found.map(({ name, severity }) => `${name} ${severity}`)).toEqual([
      'JournalGap high',
      'JournalGap low',
    ]);
    expect(found[0]?.summary).toContain('the slot is gone');
  });

  it('is told without what the server of the shop said', () => {
    const problem = 'password authentication failed for user "anna"';
    for (const state of ['interrupted', 'snapshot'] as const) {
      const [cause] = causesOf({ ...well, state, problem }, { gaps: noGaps, answer: 'quiet', now });
      expect(cause?.summary).not.toContain('anna');
      expect(cause?.summary).toContain('since 2026-03-01 11:59:59 UTC');
    }
  });
});

describe('a stream', () => {
  it('has to be asked when it has noted nothing for two minutes', () => {
    expect(isSilent({ ...well, lastMessageAt: ago(119) }, now)).toBe(false);
    expect(isSilent({ ...well, lastMessageAt: ago(120) }, now)).toBe(true);
    expect(isSilent({ ...well, state: 'interrupted', lastMessageAt: ago(120) }, now)).toBe(false);
    expect(isSilent({ ...well, lastMessageAt: null, updatedAt: ago(120) }, now)).toBe(true);
  });

  it('is well while it streams, or while nobody wants it to', () => {
    const states = [
      'detached',
      'snapshot',
      'streaming',
      'interrupted',
      'lost',
      'mismatch',
    ] as const;
    const found = states.filter((state) => isWell({ ...well, state }));
    expect(found).toEqual(['detached', 'streaming']);
  });
});
