import { messageOf } from '../../platform/errors.js';
import { isAllowed } from '../allowed-url.js';

const redirectsMax = 3;
/** What is read of an answer; the rest is dropped. */
const bytesMax = 65_536;

export interface Asked {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly allowedHosts: readonly string[];
  readonly signal: AbortSignal;
}

export type Fetched =
  | { readonly ok: true; readonly status: number; readonly body: string; readonly cut: boolean }
  | {
      readonly ok: false;
      readonly reason: 'timeout' | 'unreachable' | 'not-allowed';
      readonly words: string;
    };

/**
 * One request in bounded time and memory, to allowed hosts only. A GET follows a few redirects, and only on
 * its own host; anything else is answered as it is.
 */
export async function fetchBounded(asked: Asked): Promise<Fetched> {
  const deadline = AbortSignal.timeout(asked.timeoutMs);
  const signal = AbortSignal.any([deadline, asked.signal]);
  let url = asked.url;
  try {
    for (let hops = 0; hops <= redirectsMax; hops += 1) {
      if (!isAllowed(url, asked.allowedHosts)) return notAllowed(url);
      const response = await fetch(url, {
        method: asked.method,
        redirect: 'manual',
        headers: { 'user-agent': 'reinstate', ...asked.headers },
        ...(asked.body !== undefined && { body: asked.body }),
        signal,
      });
      const next = redirectOf(response, { url, method: asked.method });
      if (next === undefined)
        return { ok: true, status: response.status, ...(await bodyOf(response)) };
      await response.body?.cancel();
      if (new URL(next).host !== new URL(asked.url).host)
        return {
          ok: false,
          reason: 'not-allowed',
          words: `it redirects to another host, ${new URL(next).host}`,
        };
      url = next;
    }
    return {
      ok: false,
      reason: 'not-allowed',
      words: `it redirects more than ${redirectsMax} times`,
    };
  } catch (error) {
    if (deadline.aborted)
      return { ok: false, reason: 'timeout', words: `no answer in ${asked.timeoutMs} ms` };
    return { ok: false, reason: 'unreachable', words: `no answer: ${causeOf(error)}` };
  }
}

function notAllowed(url: string): Fetched {
  return {
    ok: false,
    reason: 'not-allowed',
    words: `the host ${new URL(url).host} is not allowed (runbooks.allowed_hosts in the configuration)`,
  };
}

function redirectOf(
  response: Response,
  { url, method }: { url: string; method: string },
): string | undefined {
  const location = response.headers.get('location');
  const isRedirect = [301, 302, 303, 307, 308].includes(response.status);
  if (method === 'POST' || !isRedirect || location === null || !URL.canParse(location, url))
    return undefined;
  return new URL(location, url).href;
}

async function bodyOf(response: Response): Promise<{ body: string; cut: boolean }> {
  const reader = response.body?.getReader();
  if (reader === undefined) return { body: '', cut: false };
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size <= bytesMax) {
    const { done, value } = await reader.read();
    if (done) return { body: textOf(chunks), cut: false };
    chunks.push(value);
    size += value.byteLength;
  }
  await reader.cancel();
  return { body: textOf(chunks), cut: true };
}

function textOf(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).subarray(0, bytesMax).toString('utf8');
}

/** A code such as ECONNREFUSED: the message would repeat the address. */
function causeOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : messageOf(error);
}
