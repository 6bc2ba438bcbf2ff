import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockName, withStartLock } from './start-lock.js';

describe('the start lock', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lock-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('lets one in at a time and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(5);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => withStartLock(directory, work)));
    expect(most).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is given back when the work fails', async () => {
    const failing = withStartLock(directory, () => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    await expect(withStartLock(directory, () => Promise.resolve('in'))).resolves.toBe('in');
  });

  it.each([
    ['whose number nobody has', '4194999:00:aa'],
    ['whose number a later process has', `${process.pid}:00:bb`],
  ])('is taken over by one of many from a holder %s', async (_, dead) => {
    await symlink(dead, join(directory, lockName));
    let inside = 0;
    const work = async (): Promise<number> => {
      inside += 1;
      const seen = inside;
      await sleep(5);
      inside -= 1;
      return seen;
    };
    const seen = await Promise.all(Array.from({ length: 6 }, () => withStartLock(directory, work)));
    expect(seen).toEqual([1, 1, 1, 1, 1, 1]);
    expect(await readdir(directory)).toEqual([]);
  });
});
