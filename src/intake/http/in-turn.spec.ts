import { describe, expect, it } from '@jest/globals';
import { InTurn } from './in-turn.js';

/** Work whose pieces end when they are told to. */
function bench() {
  const begun: string[] = [];
  const ends = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const turn = new InTurn((piece: string) => {
    begun.push(piece);
    return new Promise<void>((resolve, reject) => ends.set(piece, { resolve, reject }));
  });
  return { begun, turn, end: (piece: string) => ends.get(piece)! };
}

describe('work in turn', () => {
  it('goes on beside whoever brings it, one piece at a time', async () => {
    const { begun, turn, end } = bench();
    await turn.next('first');
    let isTaken = false;
    const second = turn.next('second').then(() => (isTaken = true));
    await Promise.resolve();
    expect([begun, isTaken]).toEqual([['first'], false]);
    end('first').resolve();
    await second;
    expect(begun).toEqual(['first', 'second']);
    let isDone = false;
    const done = turn.done().then(() => (isDone = true));
    await Promise.resolve();
    expect(isDone).toBe(false);
    end('second').resolve();
    await done;
  });

  it('begins nothing after a failure, which is told to whoever asks next', async () => {
    const { begun, turn, end } = bench();
    await turn.next('first');
    end('first').reject(new Error('no journal'));
    await expect(turn.next('second')).rejects.toThrow('no journal');
    await expect(turn.done()).rejects.toThrow('no journal');
    await turn.settled();
    expect(begun).toEqual(['first']);
  });
});
