import { describe, expect, it } from '@jest/globals';
import { ConfigFault, parseConfig } from './load-config.js';

const parse = (text: string, environment: Record<string, string> = {}) =>
  parseConfig(text, { file: 'reinstate.yaml', environment });

function faultsOf(text: string, environment: Record<string, string> = {}): readonly string[] {
  try {
    parse(text, environment);
  } catch (error) {
    if (error instanceof ConfigFault) return error.faults;
    throw error;
  }
  return [];
}

const shop = `
shops:
  - id: main
    name: Main shop
    profile: sample-shop
    postgres:
      replicate: postgresql://r:\${PASSWORD}@127.0.0.1/shop
      read: postgresql://r@127.0.0.1/shop
`;

describe('the configuration', () => {
  it('has defaults for everything but the shops', () => {
    const config = parse('');
    expect(config.http).toEqual({ host: '127.0.0.1', port: 8080, trusted_proxies: [] });
    expect(config.shops).toEqual([]);
    expect(config.detection.weeks_per_false_page).toBe(20);
  });

  it('fills in environment variables and lets the environment win over the file', () => {
    const config = parse(`http: { port: 1 }\n${shop}`, {
      PASSWORD: 's3cret',
      REINSTATE_PORT: '9000',
    });
    expect(config.shops[0]?.postgres?.replicate).toBe('postgresql://r:s3cret@127.0.0.1/shop');
    expect(config.shops[0]?.restore.approvals).toBe(1);
    expect(config.http.port).toBe(9000);
  });

  it('puts what the environment gives into what the file leaves empty', () => {
    for (const text of ['', 'http:', 'http: {}', '# nothing'])
      expect(parse(text, { REINSTATE_PORT: '9000' }).http.port).toBe(9000);
  });

  it('takes settings from the environment alone', () => {
    expect(parse('', { REINSTATE_DATABASE_URL: 'postgresql://a@b/c' }).database.url).toBe(
      'postgresql://a@b/c',
    );
  });

  it('names all faults at once, each with its line', () => {
    const faults = faultsOf(`http:\n  port: 70000\n  hots: x\nlog_level: loud\n${shop}`);
    expect(faults).toHaveLength(4);
    expect(faults[0]).toMatch(
      /^reinstate\.yaml:11:18: the environment variable PASSWORD is not set/,
    );
    expect(faults.join('\n')).toMatch(/reinstate\.yaml:2:9 http\.port: .*65535/);
    expect(faults.join('\n')).toMatch(/reinstate\.yaml:3:3 http\.hots: there is no such setting/);
    expect(faults.join('\n')).toMatch(/reinstate\.yaml:4:12 log_level: /);
  });

  it('names each key that nobody knows, at its line, also one at the top', () => {
    const faults = faultsOf(
      `log_level: info\nshop: []\nhttp:\n  port: 1\n  hosts: a\n"re port": 2\n`,
    );
    expect(faults).toEqual([
      expect.stringMatching(/^reinstate\.yaml:5:3 http\.hosts: there is no such setting; /),
      expect.stringMatching(/^reinstate\.yaml:2:1 shop: there is no such setting; /),
      expect.stringMatching(/^reinstate\.yaml:6:1 re port: there is no such setting; /),
    ]);
  });

  it.each(['- http', 'shops'])('says that it is no map of settings: %s', (text) => {
    expect(faultsOf(text)).toEqual([
      expect.stringMatching(/^reinstate\.yaml(:1:1)? \(the whole file\): .*object/),
    ]);
  });

  it('says so too where the environment has something to put in', () => {
    const environment = { REINSTATE_PORT: '1', REINSTATE_LOG_LEVEL: 'info' };
    expect(faultsOf('shops', environment)).toEqual([expect.stringContaining('(the whole file)')]);
    expect(faultsOf('http: loopback', environment)).toEqual([
      expect.stringMatching(/^reinstate\.yaml:1:7 http: .*object/),
    ]);
  });

  it('says where the YAML itself is broken', () => {
    expect(faultsOf('http: [1')[0]).toMatch(/^reinstate\.yaml:1:\d+: /);
  });

  it('does not print a line that is broken, since it may hold a secret', () => {
    const faults = faultsOf('encryption_key: "s3cret-value\nlog_level: info');
    expect(faults.join()).not.toContain('s3cret-value');
    expect(faults).not.toEqual([]);
  });

  it('says which proxy is none', () => {
    expect(faultsOf('http: { trusted_proxies: [10.0.0.0/8, "::1", proxy.example.org] }')).toEqual([
      expect.stringMatching(
        /^reinstate\.yaml:1:\d+ http\.trusted_proxies\[2\]: an address, or a network/,
      ),
    ]);
  });

  it('refuses two shops of one id, with the line of the second', () => {
    const faults = faultsOf(shop + shop.replace('\nshops:', ''), { PASSWORD: 'x' });
    expect(faults).toEqual([
      'reinstate.yaml:10:9 shops[1].id: the id "main" is given twice; each needs one of its own',
    ]);
  });

  it('names receivers of one name together with all other faults', () => {
    const webhook = "webhook: { url: 'https://example.org', secret: 'sixteen letters.' }";
    const faults = faultsOf(
      `log_level: loud\nreceivers:\n  - { name: on-call, ${webhook} }\n  - { name: on-call, ${webhook} }\n`,
    );
    expect(faults).toEqual([
      expect.stringMatching(/^reinstate\.yaml:1:12 log_level: /),
      expect.stringMatching(
        /^reinstate\.yaml:4:13 receivers\[1\]\.name: the name "on-call" is given twice/,
      ),
    ]);
  });

  it('names the environment variable that a faulty value comes from', () => {
    const faults = faultsOf('http: { port: 1 }', {
      REINSTATE_PORT: 'many',
      REINSTATE_LOG_LEVEL: 'loud',
    });
    expect(faults).toEqual([
      expect.stringMatching(/^REINSTATE_PORT: .*number/),
      expect.stringMatching(/^REINSTATE_LOG_LEVEL: /),
    ]);
  });

  it('takes no password in the address of a webhook: nothing could be posted there', () => {
    const at = (url: string) =>
      faultsOf(`receivers: [{ name: a, webhook: { url: '${url}', secret: sixteen-letters- } }]`);
    expect(at('https://user:password@example.org/hook')).toEqual([
      expect.stringMatching(/receivers\[0\]\.webhook\.url: without user and password/),
    ]);
    expect(at('https://example.org/hook?to=a@b')).toEqual([]);
  });

  it('says what is wrong with a receiver of the form that was meant', () => {
    const faults = faultsOf(
      `receivers: [{ name: on-call, webhook: { url: 'https://example.org', secret: short } }]`,
    );
    expect(faults).toEqual([
      expect.stringMatching(/receivers\[0\]\.webhook\.secret: at least 16 characters/),
    ]);
  });
});
