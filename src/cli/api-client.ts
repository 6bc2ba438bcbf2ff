import { CliFailure, exitCodes, refusal, type ProblemAnswer } from './failures.js';

export interface ApiSettings {
  /** where the service is, without a path */
  readonly url: string;
  readonly token: string;
  /** how long to wait for an answer; unless given, as long as the request usually takes */
  readonly timeoutSeconds: number | undefined;
  /** Ctrl-C */
  readonly signal: AbortSignal;
  /** told once an answer is waited for longer than a person waits without wondering */
  readonly onWaiting?: ((seconds: number) => void) | undefined;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** below the API's root, starting with a slash */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** a body that is no JSON of ours, sent as it comes */
  readonly raw?: { readonly mediaType: string; readonly body: ReadableStream };
  /** statuses of refusals that are an answer all the same */
  readonly answers?: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  /** for what takes longer than usual */
  readonly patienceSeconds?: number | undefined;
}

const usualPatienceSeconds = 30;
const wonderAfterMs = 2_000;
/** Some of the service's heartbeats. */
const silenceMaxMs = 60_000;

/** A page of a list, as every list of the API comes. */
export interface ListAnswer {
  readonly items: readonly unknown[];
  readonly nextCursor?: string | null;
}

/** The API over HTTP: an answer, or a CliFailure that says what stood in the way. */
export class ApiClient {
  constructor(private readonly settings: ApiSettings) {}

  /** The parsed JSON answer; undefined where there is none (204). */
  async json(request: ApiRequest): Promise<unknown> {
    const text = await this.text(request);
    if (text === '') return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new CliFailure(
        exitCodes.refused,
        `what answers at ${this.settings.url} is not Reinstate: the answer is no JSON`,
      );
    }
  }

  /** The answer as it came. */
  async text(request: ApiRequest): Promise<string> {
    const seconds = this.settings.timeoutSeconds ?? request.patienceSeconds ?? usualPatienceSeconds;
    const limit = AbortSignal.any([this.settings.signal, AbortSignal.timeout(seconds * 1000)]);
    const wonder = setTimeout(() => this.settings.onWaiting?.(seconds), wonderAfterMs);
    try {
      return await this.reach(async () => (await this.open(request, limit)).text(), seconds);
    } finally {
      clearTimeout(wonder);
    }
  }

  /**
   * The answer's body as it arrives, for as long as it takes. A connection on which nothing comes for
   * a while (the service sends heartbeats) is given up; what ends it early is a CliFailure.
   */
  async *stream(request: ApiRequest): AsyncGenerator<string> {
    const silence = new AbortController();
    const giveUp = () => silence.abort(new DOMException('silent', 'TimeoutError'));
    const timer = setTimeout(giveUp, silenceMaxMs);
    const signal = AbortSignal.any([this.settings.signal, silence.signal]);
    try {
      const response = await this.reach(() => this.open(request, signal), silenceMaxMs / 1000);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      while (reader !== undefined) {
        const { done, value } = await this.reach(() => reader.read(), silenceMaxMs / 1000);
        if (done) return;
        timer.refresh();
        yield value;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  private async open(request: ApiRequest, signal: AbortSignal): Promise<Response> {
    const { method, body, raw, headers, answers = [] } = request;
    const response = await fetch(this.addressOf(request), {
      method,
      signal,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${this.settings.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(raw !== undefined && { 'content-type': raw.mediaType }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // a body that is sent as it comes needs to say that no answer is waited for meanwhile
      ...(raw !== undefined && { body: raw.body, duplex: 'half' }),
    });
    if (!response.ok && !answers.includes(response.status))
      throw refusal(await problemOf(response));
    return response;
  }

  private addressOf({ path, query = {} }: ApiRequest): string {
    const url = new URL(`/api/v1${path}`, this.settings.url);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  /** Does what needs the network, and says in words what is wrong where it fails. */
  private async reach<T>(work: () => Promise<T>, seconds = 0): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof CliFailure) throw error;
      if (this.settings.signal.aborted) {
        throw new CliFailure(
          exitCodes.interrupted,
          'interrupted; what had been asked for may go on',
        );
      }
      throw new CliFailure(exitCodes.unreachable, this.unreachableWords(error, seconds));
    }
  }

  private unreachableWords(error: unknown, seconds: number): string {
    const { url } = this.settings;
    if (fieldOf(error, 'name') === 'TimeoutError') {
      return `${url} did not answer within ${seconds} s; --timeout gives it longer`;
    }
    const code = fieldOf(fieldOf(error, 'cause') ?? error, 'code');
    const why = typeof code === 'string' ? code : 'the connection failed';
    return `cannot reach ${url} (${why}): is the service running there? --url or REINSTATE_URL says where it is`;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

async function problemOf(response: Response): Promise<ProblemAnswer> {
  const { status } = response;
  try {
    return { ...((await response.json()) as object), status };
  } catch {
    return { status };
  }
}
