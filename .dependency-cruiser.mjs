/**
 * The order of the rooms, lowest first. A file imports only from its own room and from lower ones;
 * rooms that stand side by side (one inner list) do not import each other. See docs/ARCHITECTURE.md.
 */
const order = [
  ['platform'],
  ['orders'],
  ['access'],
  ['journal', 'shops'],
  ['intake', 'detection'],
  ['alerting'],
  ['incidents'],
  ['runbooks'],
  ['restore'],
  ['customers'],
  ['reviews'],
  ['console'],
];

/** Beside the rooms: settings, which all may read, and the command line, which nobody imports. */
const known = [...order.flat(), 'config', 'cli'].join('|');

const upward = order.flatMap((rooms, level) =>
  rooms.map((room) => {
    const beside = rooms.filter((other) => other !== room);
    const above = order.slice(level + 1).flat();
    return {
      name: `rooms-${room}`,
      comment: `src/${room} imports only from lower rooms`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: {
        path: `^src/(${[...beside, ...above, 'cli'].join('|')})/|^src/(app\\.module|bootstrap|entities|main)\\.ts$`,
      },
    };
  }),
);

export default {
  forbidden: [
    ...upward,
    {
      name: 'no-unknown-room',
      comment: 'a folder in src/ is one of the rooms of docs/ARCHITECTURE.md',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: `^src/(${known})/` },
      to: {},
    },
    {
      name: 'no-way-into-an-unknown-room',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: `^src/(${known})/` },
    },
    {
      name: 'platform-knows-no-room',
      comment: 'platform has no business word: neither a room nor the settings',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/', pathNot: '^src/platform/' },
    },
    {
      name: 'config-knows-no-room',
      severity: 'error',
      from: { path: '^src/config/' },
      to: { path: '^src/', pathNot: '^src/(config|platform)/' },
    },
    {
      name: 'cli-is-a-client',
      comment: 'the command line talks to the service over HTTP alone',
      severity: 'error',
      from: { path: '^src/cli(/|\\.ts$)' },
      to: { path: '^src/', pathNot: '^src/(cli|config|platform)/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'orders-is-pure',
      comment: 'orders takes no framework and no driver, and of platform only pure files',
      severity: 'error',
      from: { path: '^src/orders/', pathNot: '\\.spec\\.ts$' },
      to: {
        pathNot: '^src/(orders/|platform/(assert|errors|money|result)\\.ts$)|node_modules/zod/',
      },
    },
    {
      name: 'demo-stands-apart',
      comment: 'the sample shop, its faults and the proof share nothing with the product',
      severity: 'error',
      from: { path: '^(demo|local-postgres)/' },
      to: { path: '^src/' },
    },
    {
      name: 'dashboards-stand-apart',
      comment: 'dashboards know the service by its metrics alone',
      severity: 'error',
      from: { path: '^dashboards/' },
      to: { path: '^(src|demo|test|local-postgres|bench)/' },
    },
    {
      name: 'product-knows-no-demo',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(demo|test|bench|dashboards)/' },
    },
    {
      name: 'only-declared-packages',
      severity: 'error',
      from: { path: '^(src|demo|local-postgres)/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
    },
  },
};
