import { Injectable } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Fault } from '../platform/errors.js';
import { AccessService } from './access.service.js';
import type { Caller } from './caller.js';
import type { RequestWithCaller } from './needs.decorator.js';
import { RefusalLimit } from './refusal-limit.js';
import { allows } from './role.js';
import { basicTokenOf, tokenHash, tokenOf } from './token.js';

/** Far more tokens than one installation has; a bound all the same. */
const knownTokensMax = 10_000;

/** What kind of door a path has: health is open, documents are read in browsers, the rest is for programs. */
export type Way = 'open' | 'documents' | 'api';

/** The way of a matched route. A path that matches no route is treated as the API: it needs a token too. */
export function wayOf(route: string | undefined): Way {
  if (route === '/health/live' || route === '/health/ready') return 'open';
  return route !== undefined && /^\/api\/(docs|openapi)/.test(route) ? 'documents' : 'api';
}

/** Finds out who makes a request, by its token alone; what the person may do is the guard's question. */
@Injectable()
export class Door {
  /** Tokens that were good here before: they pass while strangers of their address have to wait. */
  private readonly known = new Set<string>();
  /** Tokens that are being looked up for the first time. */
  private readonly asked = new Set<string>();

  constructor(
    private readonly access: AccessService,
    private readonly refusals: RefusalLimit,
  ) {}

  /** The caller, or a refusal. Refused tokens count against the address; a missing one guesses nothing. */
  async callerOf(request: {
    authorization: string | undefined;
    address: string;
    way: Way;
  }): Promise<Caller> {
    const { authorization, address, way } = request;
    const token =
      tokenOf(authorization) ?? (way === 'documents' ? basicTokenOf(authorization) : undefined);
    const fingerprint = token === undefined ? '' : tokenHash(token).toString('hex');
    // the same token many times at once is one guess, and may be a good one
    const isGuess = !this.known.has(fingerprint) && !this.asked.has(fingerprint);
    if (isGuess) this.refusals.check(address);
    if (authorization === undefined) throw unauthenticated('token-missing', 'this needs a token');
    const caller = isGuess
      ? await this.guessed(token, { fingerprint, address })
      : await this.lookedUp(token);
    if (caller === undefined) {
      this.known.delete(fingerprint);
      if (!isGuess) this.refusals.count(address);
      throw unauthenticated(
        'token-refused',
        'this token is not known, or has expired, or was revoked',
      );
    }
    if (this.known.size < knownTokensMax) this.known.add(fingerprint);
    return caller;
  }

  /**
   * Counts as refused until it is found good: guesses that come all at once would otherwise all be
   * looked up before the first of them counts. A look-up that fails speaks against nobody.
   */
  private async guessed(
    token: string | undefined,
    { fingerprint, address }: { fingerprint: string; address: string },
  ): Promise<Caller | undefined> {
    const takeBack = this.refusals.count(address);
    this.asked.add(fingerprint);
    let isRefused = false;
    try {
      const caller = await this.lookedUp(token);
      isRefused = caller === undefined;
      return caller;
    } finally {
      this.asked.delete(fingerprint);
      if (!isRefused) takeBack();
    }
  }

  private async lookedUp(token: string | undefined): Promise<Caller | undefined> {
    return token === undefined ? undefined : this.access.authenticate(token);
  }
}

/**
 * Puts the door before everything that the service answers, also what stands outside Nest's guards
 * (the API document and its page) and paths that do not exist: only `/health/*` is open. Who has no
 * good token is refused before the body is read. Call it once, before the service listens.
 */
export function guardRequests(app: NestFastifyApplication): void {
  const door = app.get(Door, { strict: false });
  const server = app.getHttpAdapter().getInstance();
  server.addHook('preParsing', async (request, reply) => {
    const way = wayOf(request.routeOptions.url);
    if (way === 'open') return;
    void reply
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff')
      .header('www-authenticate', challengeOf(way));
    const { authorization } = request.headers;
    const caller = await door.callerOf({ authorization, address: request.ip, way });
    if (way === 'documents' && !allows(caller.role, ['viewer']))
      throw roleTooLow(caller, ['viewer']);
    void reply.removeHeader('www-authenticate');
    (request as RequestWithCaller).caller = caller;
  });
}

/** Browsers ask for name and password only where a page is meant for them, never for the API: they would send them along unasked. */
function challengeOf(way: Way): string {
  return way === 'documents'
    ? 'Basic realm="Reinstate: any name, the token as password", charset="UTF-8"'
    : 'Bearer realm="Reinstate"';
}

function unauthenticated(code: string, what: string): Fault {
  return new Fault(
    'unauthenticated',
    code,
    `${what}; send a good one as "Authorization: Bearer rst_..."`,
  );
}

/** The refusal of a caller whose role does not suffice. */
export function roleTooLow(caller: Caller, needed: readonly string[]): Fault {
  return new Fault(
    'forbidden',
    'role-too-low',
    `this needs the role ${needed.join(' or ')}; this token has the role ${caller.role}`,
  );
}
