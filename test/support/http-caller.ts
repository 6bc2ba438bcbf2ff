import { ApiContract } from './api-contract.js';
import type { OpenApiDocument } from './openapi-check.js';

/** An answer of the service as a test looks at it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** the parsed body; `{}` where it is no JSON object */
  readonly body: Record<string, unknown>;
}

export interface CallOptions {
  readonly headers?: Record<string, string>;
  /** sent as JSON; a string goes as it is */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

interface Callee {
  readonly url: string;
  /** every answer is held against it */
  readonly contract: ApiContract;
}

/**
 * Makes real HTTP requests to a service, with a token or (where it is undefined) without one. An
 * answer that is not as the service's API document says throws.
 */
export class HttpCaller {
  constructor(
    private readonly callee: Callee,
    readonly token?: string,
  ) {}

  get contract(): ApiContract {
    return this.callee.contract;
  }

  as(token: string | undefined): HttpCaller {
    return new HttpCaller(this.callee, token);
  }

  get(path: string, options: CallOptions = {}): Promise<Answer> {
    return this.call('GET', path, options);
  }

  post(path: string, body: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call('POST', path, { ...options, body });
  }

  delete(path: string, options: CallOptions = {}): Promise<Answer> {
    return this.call('DELETE', path, options);
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const response = await this.ask(method, path, options);
    const text = await response.text();
    this.check(response, { method, path, text });
    return { status: response.status, headers: response.headers, text, body: objectOf(text) };
  }

  /** An answer that goes on and on; only its status and its media type are checked. */
  async stream(path: string, options: CallOptions = {}): Promise<Response> {
    const response = await this.ask('GET', path, options);
    this.check(response, { method: 'GET', path, text: undefined });
    return response;
  }

  private ask(
    method: string,
    path: string,
    { body, headers, signal }: CallOptions,
  ): Promise<Response> {
    return fetch(this.callee.url + path, {
      method,
      headers: {
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  }

  private check(
    { status, headers }: Response,
    asked: { method: string; path: string; text: string | undefined },
  ): void {
    const contentType = headers.get('content-type');
    const faults = this.callee.contract.faultsOf({ ...asked, status, contentType });
    if (faults.length > 0)
      throw new Error(
        `${asked.method} ${asked.path} answers otherwise than the API document says:\n${faults.join('\n')}\n${asked.text}`,
      );
  }
}

/** Reads the API document of a service, and gives one that talks to it as whoever has the token. */
export async function callerOf(url: string, token: string | undefined): Promise<HttpCaller> {
  if (token === undefined) throw new Error('the API document needs a token');
  const response = await fetch(`${url}/api/openapi.json`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!response.ok) throw new Error(`no API document: ${response.status}`);
  const contract = new ApiContract((await response.json()) as OpenApiDocument);
  return new HttpCaller({ url, contract }, token);
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
