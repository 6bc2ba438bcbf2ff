import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load-config.js';
import { packageRoot } from '../../src/platform/package-root.js';

const root = packageRoot();
const textOf = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      { readonly environment?: Record<string, string>; readonly volumes?: readonly string[] }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

describe('docker-compose.yml', () => {
  it('mounts only files and volumes that there are', async () => {
    const { services, volumes } = parse(await textOf('docker-compose.yml')) as Compose;
    const sources = Object.values(services)
      .flatMap((service) => service.volumes ?? [])
      .map((volume) => volume.split(':')[0] ?? '');
    const missing = sources.filter((source) =>
      source.startsWith('./') ? !existsSync(join(root, source)) : !(source in volumes),
    );
    expect(sources.length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });

  it('asks only for variables that deploy/example.env names, and gives the service only known ones', async () => {
    const text = await textOf('docker-compose.yml');
    const named = [...(await textOf('deploy/example.env')).matchAll(/^([A-Z_]+)=/gm)].map(
      ([, name]) => name,
    );
    const asked = [...text.matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name]) => name);
    expect(new Set(asked)).toEqual(new Set(named));

    const { services } = parse(text) as Compose;
    const document = await textOf('docs/configuration.md');
    for (const name of Object.keys(services['reinstate']?.environment ?? {}))
      expect(document).toContain(`| \`${name}\` |`);
  });

  it('gives the service a configuration without faults', async () => {
    const file = 'deploy/reinstate.yaml';
    const config = parseConfig(await textOf(file), { file, environment: {} });
    expect(config.http.host).toBe('0.0.0.0');
  });
});

describe('deploy/prometheus.yml', () => {
  it('loads the rules that are mounted, and knows the address that their links begin with', async () => {
    const config = parse(await textOf('deploy/prometheus.yml')) as {
      readonly global: { readonly external_labels: { readonly reinstate: string } };
      readonly rule_files: readonly string[];
    };
    const { services } = parse(await textOf('docker-compose.yml')) as Compose;
    const mounts = (services['prometheus']?.volumes ?? []).map((volume) => volume.split(':'));
    const rules = mounts.filter(([source]) => source?.startsWith('./alerts/'));
    expect(rules.map(([source]) => source)).toEqual(['./alerts/reinstate.rules.yml']);
    const patterns = config.rule_files.map(
      (file) => new RegExp(`^${file.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`),
    );
    for (const [, target = ''] of rules)
      expect([target, patterns.some((pattern) => pattern.test(target))]).toEqual([target, true]);
    const reinstate = parseConfig(await textOf('deploy/reinstate.yaml'), {
      file: 'deploy/reinstate.yaml',
      environment: {},
    });
    expect(config.global.external_labels.reinstate).toBe(reinstate.http.public_url);
  });
});

describe('deploy/grafana-dashboards.yml', () => {
  it('shows the dashboards that are mounted', async () => {
    const { providers } = parse(await textOf('deploy/grafana-dashboards.yml')) as {
      readonly providers: readonly { readonly options: { readonly path: string } }[];
    };
    const { services } = parse(await textOf('docker-compose.yml')) as Compose;
    const mounts = (services['grafana']?.volumes ?? []).map((volume) => volume.split(':'));
    const targetOf = (source: string) => mounts.find(([from]) => from === source)?.[1];
    expect(providers.map(({ options }) => options.path)).toEqual([targetOf('./dashboards/json')]);
    expect(targetOf('./deploy/grafana-dashboards.yml')).toMatch(
      /^\/etc\/grafana\/provisioning\/dashboards\/\w+\.yml$/,
    );
  });
});

describe('Dockerfile', () => {
  it('takes the pinned major version of Node, and copies only what is there or was built', async () => {
    const text = await textOf('Dockerfile');
    const { devDependencies } = JSON.parse(await textOf('package.json')) as {
      devDependencies: { node: string };
    };
    const images = [...text.matchAll(/^FROM node:(\d+)/gm)].map(([, major]) => major);
    expect(images).toEqual(images.map(() => devDependencies.node.split('.')[0]));

    const copied = [...text.matchAll(/^COPY (?:--from=build )?(.+) \S+$/gm)]
      .flatMap(([, sources = '']) => sources.split(' '))
      .map((source) => source.replace(/^\/app\//, ''))
      .filter((source) => source !== 'dist' && source !== 'node_modules');
    expect(copied.length).toBeGreaterThan(4);
    for (const source of copied) expect(existsSync(join(root, source))).toBe(true);
    expect(text).toMatch(/^USER node$/m);
  });
});
