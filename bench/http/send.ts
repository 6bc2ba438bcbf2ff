import { pause } from '../../demo/story/waiting.js';

/** Events, and to whom they are told. */
export interface Sending {
  readonly url: string;
  readonly secret: string;
  readonly events: readonly string[];
}

interface Answer {
  readonly kept: number;
  readonly repeated: number;
}

/** Far more than a product that works needs. */
const triesMax = 20;

/** All as one NDJSON request; gives the seconds until it was answered. */
export async function sendStream({ events, ...place }: Sending): Promise<number> {
  const body = events.join('\n');
  return timed(async () =>
    post({ ...place, body, type: 'application/x-ndjson', count: events.length }),
  );
}

/** In batches, some of them at once; gives the seconds until the last one was answered. */
export async function sendBatches(
  { events, ...place }: Sending,
  { size, inFlight }: { size: number; inFlight: number },
): Promise<number> {
  const bodies: { body: string; count: number }[] = [];
  for (let from = 0; from < events.length; from += size) {
    const part = events.slice(from, from + size);
    bodies.push({ body: `[${part.join(',')}]`, count: part.length });
  }
  const type = 'application/cloudevents-batch+json';
  const worker = async (): Promise<void> => {
    for (let next = bodies.shift(); next !== undefined; next = bodies.shift())
      await post({ ...place, ...next, type });
  };
  return timed(async () => {
    await Promise.all(Array.from({ length: inFlight }, worker));
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

interface Request {
  readonly url: string;
  readonly secret: string;
  readonly body: string;
  readonly type: string;
  readonly count: number;
}

/** A busy product asks to come again, and the same request is sent again: each event counts once. */
async function post(request: Request): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const { status, text, comeBackMs } = await send(request);
    if (comeBackMs !== undefined && tries < triesMax) {
      await pause(comeBackMs);
      continue;
    }
    if (status !== 200) throw new Error(`${status}: ${text.slice(0, 500)}`);
    const { kept, repeated } = JSON.parse(text) as Answer;
    if (kept + repeated !== request.count)
      throw new Error(`${kept} of ${request.count} events were kept: ${text.slice(0, 500)}`);
    return;
  }
}

async function send({ url, secret, body, type }: Request): Promise<{
  status: number;
  text: string;
  comeBackMs: number | undefined;
}> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': type },
    body,
  });
  const { status, headers } = response;
  const after = headers.get('retry-after');
  const isBusy = (status === 429 || status === 503) && after !== null;
  return {
    ...{ status, text: await response.text() },
    comeBackMs: isBusy ? Number(after) * 1_000 : undefined,
  };
}
