import { describe, expect, it } from '@jest/globals';
import { Interrupted, unlessAborted } from './interruption.js';

describe('work that may be interrupted', () => {
  const never = new Promise<string>(() => undefined);

  it('gives its outcome where nobody interrupts', async () => {
    const { signal } = new AbortController();
    await expect(unlessAborted(Promise.resolve('done'), signal)).resolves.toBe('done');
    const failing = unlessAborted(Promise.reject(new Error('broken')), signal);
    await expect(failing).rejects.toThrow('broken');
  });

  it('is left at once, also where the interruption came before it', async () => {
    const controller = new AbortController();
    const running = unlessAborted(never, controller.signal);
    controller.abort(new Interrupted('interrupted'));
    await expect(running).rejects.toThrow(Interrupted);
    await expect(unlessAborted(never, controller.signal)).rejects.toThrow(Interrupted);
  });
});
