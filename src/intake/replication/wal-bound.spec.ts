import { describe, expect, it } from '@jest/globals';
import { judgeRetained, nearBoundProblem, retainedBytesOf, walBoundOf } from './wal-bound.js';

const source = (retained: number, walKeepBytes: number | null = null) => ({
  currentLsn: `0/${(0x1000 + retained).toString(16)}`,
  slot: { walStatus: 'reserved', confirmedLsn: '0/1000', restartLsn: '0/1000', activePid: null },
  walKeepBytes,
});

describe('write-ahead log that is held back for us', () => {
  it.each([
    [0, 'fine'],
    [799, 'fine'],
    [800, 'near'],
    [999, 'near'],
    [1_000, 'over'],
  ] as const)('%i bytes of 1000 are %s', (retained, judgement) => {
    expect(judgeRetained(source(retained), 1_000)).toBe(judgement);
  });

  it('is left to a server that bounds it itself', () => {
    expect(judgeRetained(source(5_000, 10_000), 1_000)).toBe('bounded');
    expect(walBoundOf({ walKeepBytes: 10_000 }, 1_000)).toEqual({ bytes: 10_000, by: 'server' });
    expect(walBoundOf({ walKeepBytes: null }, 1_000)).toEqual({ bytes: 1_000, by: 'reinstate' });
  });

  it('is told in words before the slot goes', () => {
    const mebibyte = 2 ** 20;
    expect(nearBoundProblem(source(700), 1_000)).toBeNull();
    expect(nearBoundProblem(source(5_000, 10_000), 1_000)).toBeNull();
    expect(nearBoundProblem(source(900 * mebibyte), 1_024 * mebibyte)).toBe(
      'the shop holds back 900 MiB of write-ahead log: at 1 GiB the slot is dropped, and a new snapshot is taken',
    );
  });

  it('is none where there is no slot, or one that the server gave up', () => {
    const { slot } = source(0);
    expect(retainedBytesOf({ currentLsn: '0/5000', slot: null })).toBe(0);
    expect(retainedBytesOf({ currentLsn: '0/5000', slot: { ...slot, restartLsn: null } })).toBe(0);
    expect(retainedBytesOf({ currentLsn: '0/5000', slot })).toBe(0x4000);
  });
});
