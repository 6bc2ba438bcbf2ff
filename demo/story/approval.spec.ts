import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { askForApproval, Declined } from './approval.js';

async function asked(typed: string | null, signal = new AbortController().signal) {
  const input = new PassThrough();
  const output = new PassThrough();
  const asking = askForApproval({ number: 2 }, { signal, input, output });
  const outcome = asking.then(
    () => 'approved',
    (error: unknown) => error,
  );
  if (typed !== null) input.write(typed);
  else input.end();
  return { outcome: await outcome, shown: String(output.read()) };
}

describe('the question for an approval', () => {
  it.each(['y\n', 'Y\n', 'yes\n', '  yes \n'])('takes %j for a yes', async (typed) => {
    const { outcome, shown } = await asked(typed);
    expect(outcome).toBe('approved');
    expect(shown).toContain('Approve plan 2 as Alex, the second person? [y/N]');
  });

  it.each(['n\n', 'no\n', '\n', 'yesterday\n', 'ny\n'])('takes %j for a no', async (typed) => {
    const { outcome } = await asked(typed);
    expect(outcome).toBeInstanceOf(Declined);
    expect(outcome).toMatchObject({
      message: 'not approved: nothing was written to the shop',
      lookFurther: true,
    });
  });

  it('ends where nobody is there', async () => {
    const { outcome } = await asked(null);
    expect(outcome).toBeInstanceOf(Declined);
    expect(outcome).toMatchObject({
      message: expect.stringContaining('nobody is there'),
      lookFurther: false,
    });
  });

  it('ends at once with the demo', async () => {
    const { outcome } = await asked('', AbortSignal.abort());
    expect(outcome).toMatchObject({ name: 'AbortError' });
  });
});
