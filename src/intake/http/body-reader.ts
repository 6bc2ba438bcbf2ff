import { isUtf8 } from 'node:buffer';
import { PayloadTooLargeException } from '@nestjs/common';
import { Fault } from '../../platform/errors.js';

type Chunks = AsyncIterable<Uint8Array>;

/**
 * The whole body as text.
 * @throws PayloadTooLargeException, or Fault `body-cut-off` or `body-not-utf-8`
 */
export async function readWhole(chunks: Chunks, bytesMax: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of whileItComes(chunks)) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new PayloadTooLargeException();
    parts.push(chunk);
  }
  const body = Buffer.concat(parts);
  if (!isUtf8(body)) throw new Fault('invalid', 'body-not-utf-8', 'JSON is written in UTF-8');
  return body.toString('utf8');
}

/** A line of NDJSON, or why there is none; after `cut` nothing more is read. */
export type Line = { readonly text: string } | { readonly fault: 'too-long' | 'not-utf-8' | 'cut' };

/**
 * The lines of a body as they come, without empty ones. Of one that is longer than allowed nothing is kept.
 * Where the body is larger than allowed, the last line given is `cut`: what came before it was read.
 * @throws Fault `body-cut-off`
 */
export async function* readLines(
  chunks: Chunks,
  limits: { readonly lineBytesMax: number; readonly bytesMax: number },
): AsyncGenerator<Line> {
  const line = new LineBuffer(limits.lineBytesMax);
  let bytes = 0;
  for await (const chunk of whileItComes(chunks)) {
    bytes += chunk.length;
    if (bytes > limits.bytesMax) {
      yield { fault: 'cut' };
      return;
    }
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      line.add(chunk.subarray(start, end));
      start = end + 1;
      const ended = line.end();
      if (ended !== undefined) yield ended;
    }
    line.add(chunk.subarray(start));
  }
  const last = line.end();
  if (last !== undefined) yield last;
}

const newline = 0x0a;

/** Gathers one line, at most so much of it. */
class LineBuffer {
  private parts: Uint8Array[] = [];
  private bytes = 0;

  constructor(private readonly bytesMax: number) {}

  add(part: Uint8Array): void {
    this.bytes += part.length;
    if (this.bytes > this.bytesMax) this.parts = [];
    else if (part.length > 0) this.parts.push(part);
  }

  /** The line as far as it came, and begins the next one; undefined for one that is empty. */
  end(): Line | undefined {
    const { bytes } = this;
    const whole = Buffer.concat(this.parts);
    this.parts = [];
    this.bytes = 0;
    if (bytes > this.bytesMax) return { fault: 'too-long' };
    if (!isUtf8(whole)) return { fault: 'not-utf-8' };
    const text = whole.toString('utf8').trim();
    return text === '' ? undefined : { text };
  }
}

/** Whoever sends may go away; that is no failure of the service. */
async function* whileItComes(chunks: Chunks): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch {
    throw new Fault('invalid', 'body-cut-off', 'the connection ended before the body did');
  }
}
