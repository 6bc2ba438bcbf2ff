/** People at work with Reinstate's HTTP API, each with a token of their own. */
import { setTimeout as sleep } from 'node:timers/promises';

const requestMs = 30_000;
const pollMs = 100;

/** A refusal of the API (RFC 9457). */
export class Refused extends Error {
  constructor({ status, code, detail }) {
    super(`${status} ${code}: ${detail}`);
    this.status = status;
    this.code = code;
  }
}

/** One person at the API. */
export class Person {
  #baseUrl;
  #token;

  constructor({ url, token }) {
    this.#baseUrl = `${url}/api/v1`;
    this.#token = token;
  }

  get(path) {
    return this.#send('GET', path);
  }

  post(path, body = {}) {
    return this.#send('POST', path, body);
  }

  /** All items of a list, page by page. */
  async all(path) {
    const items = [];
    for (let cursor = ''; cursor !== null;) {
      const sign = path.includes('?') ? '&' : '?';
      const page = await this.get(
        `${path}${sign}limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      items.push(...page.items);
      cursor = page.nextCursor ?? null;
    }
    return items;
  }

  /** A new person with a token of that role, as only an admin may make them. */
  async hire({ url, name, role }) {
    const { id } = await this.post('/persons', { name });
    const { secret } = await this.post(`/persons/${id}/tokens`, { role, label: 'vendure test' });
    return new Person({ url, token: secret });
  }

  async #send(method, path, body) {
    const response = await fetch(`${this.#baseUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(requestMs),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const answer = isJson && text ? JSON.parse(text) : text;
    if (!response.ok)
      throw new Refused({ code: 'unknown', detail: text, ...answer, status: response.status });
    return answer;
  }
}

/**
 * Asks again until `look` gives something that is not undefined, and resolves with it; what it gave up on
 * is told by `describe`.
 */
export async function waitFor(what, look, { milliseconds = 30_000, describe = () => '' } = {}) {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${milliseconds} ms ${await describe()}`);
    await sleep(pollMs);
  }
}
