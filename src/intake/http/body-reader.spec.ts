import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readLines, readWhole, type Line } from './body-reader.js';

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) {
    await Promise.resolve();
    yield bytes.subarray(start, start + size);
  }
}

async function linesOf(
  body: string | Uint8Array,
  limits: { size?: number; lineBytesMax?: number; bytesMax?: number } = {},
): Promise<Line[]> {
  const { size = 7, lineBytesMax = 100, bytesMax = 10_000 } = limits;
  const chunks = inChunks(Buffer.from(body as Uint8Array), size);
  const found: Line[] = [];
  for await (const line of readLines(chunks, { lineBytesMax, bytesMax })) found.push(line);
  return found;
}

describe('the lines of a body', () => {
  it('are the same however the body is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', minLength: 1 })),
        fc.integer({ min: 1, max: 9 }),
        async (texts, size) => {
          const wanted = texts
            .flatMap((text) => text.split('\n'))
            .map((text) => text.trim())
            .filter((text) => text !== '');
          const found = await linesOf(texts.join('\n'), { size, lineBytesMax: 1_000 });
          expect(found).toEqual(wanted.map((text) => ({ text })));
        },
      ),
    );
  });

  it('leave out empty ones; a last one needs no end', async () => {
    expect(await linesOf('a\n\n \r\nb')).toEqual([{ text: 'a' }, { text: 'b' }]);
  });

  it('one that is too long is passed over, and the next is read', async () => {
    const found = await linesOf(`${'x'.repeat(101)}\n${'y'.repeat(100)}\n`);
    expect(found).toEqual([{ fault: 'too-long' }, { text: 'y'.repeat(100) }]);
  });

  it('one that is no UTF-8 says so', async () => {
    expect(await linesOf(Buffer.from([0x61, 0x0a, 0xff, 0x0a, 0x62]))).toEqual([
      ...[{ text: 'a' }, { fault: 'not-utf-8' }, { text: 'b' }],
    ]);
  });

  it('end where the body is larger than allowed, and say so', async () => {
    expect(await linesOf('aaaaaa\nbbbbbb\ncccccc\n', { bytesMax: 14 })).toEqual([
      ...[{ text: 'aaaaaa' }, { text: 'bbbbbb' }, { fault: 'cut' }],
    ]);
  });
});

describe('a whole body', () => {
  it('is bounded, is UTF-8, and comes to its end', async () => {
    expect(await readWhole(inChunks(Buffer.from('äb'), 1), 3)).toBe('äb');
    await expect(readWhole(inChunks(Buffer.from('äbc'), 1), 3)).rejects.toMatchObject({
      status: 413,
    });
    await expect(readWhole(inChunks(Buffer.from([0xff]), 1), 3)).rejects.toMatchObject({
      code: 'body-not-utf-8',
    });
    await expect(readWhole(cutOff(), 100)).rejects.toMatchObject({ code: 'body-cut-off' });
  });
});

async function* cutOff(): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield Buffer.from('a');
  throw new Error('aborted');
}
