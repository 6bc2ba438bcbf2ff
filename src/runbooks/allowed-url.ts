import { namesIn, replaced } from './placeholders.js';

/**
 * Why a step must not go to this address; undefined where it may. The host is fixed and one of the
 * configuration's (`shop.example.com`, or with its port); placeholders stand after it only. Pure.
 */
export function urlFault(url: string, allowedHosts: readonly string[]): string | undefined {
  const place = /^[a-z]+:\/\/[^/?#]*/i.exec(url)?.[0] ?? '';
  if (namesIn(place).length > 0) return 'the host is fixed: {{ }} may stand after it only';
  const bare = replaced(url, () => 'x');
  if (!URL.canParse(bare)) return `"${url}" is no address such as https://shop.example.com/health`;
  const { protocol, username, password } = new URL(bare);
  if (protocol !== 'http:' && protocol !== 'https:')
    return 'an address begins with https:// or http://';
  if (username !== '' || password !== '')
    return 'without user and password: a runbook holds no secrets';
  if (isAllowed(bare, allowedHosts)) return undefined;
  const known = allowedHosts.length === 0 ? 'none are' : `${allowedHosts.join(', ')} are`;
  return `the host ${new URL(bare).host} is not allowed; ${known} (runbooks.allowed_hosts in the configuration)`;
}

/** A host without a port stands for the usual one of http or https. Pure. */
export function isAllowed(url: string, allowedHosts: readonly string[]): boolean {
  const { host, protocol } = new URL(url);
  return (
    ['http:', 'https:'].includes(protocol) &&
    allowedHosts.some((allowed) => hostOf(allowed, protocol) === host)
  );
}

function hostOf(allowed: string, protocol: string): string | undefined {
  const url = `${protocol}//${allowed}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}
