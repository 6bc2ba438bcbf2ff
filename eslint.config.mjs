import tseslint from 'typescript-eslint';

/** Where SQL stands: stores, our own connection, and where a shop's server is spoken to. See docs/STYLE.md. */
const placesOfSql = [
  'src/**/*.store.ts',
  'src/platform/database/**/*.ts',
  'src/shops/postgres/**/*.ts',
  'src/intake/replication/source/**/*.ts',
  'src/intake/replication/attach/**/*.ts',
];

const sqlBelongsElsewhere = 'SQL stands in a store (*.store.ts) or where a shop is spoken to.';
const statement =
  '/^\\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|WITH|LOCK TABLE|TRUNCATE|CREATE|ALTER|DROP|GRANT|REVOKE|BEGIN|COMMIT|ROLLBACK|SET|LISTEN|NOTIFY) /';
const noSql = [
  {
    selector:
      'CallExpression[callee.property.name=/^(query|queryOne|createQueryBuilder|createQueryRunner)$/]',
    message: sqlBelongsElsewhere,
  },
  {
    selector: 'TaggedTemplateExpression[tag.name=/^sql$/i]',
    message: sqlBelongsElsewhere,
  },
  { selector: `Literal[value=${statement}]`, message: sqlBelongsElsewhere },
  { selector: `TemplateElement[value.raw=${statement}]`, message: sqlBelongsElsewhere },
];

/** A module says what it needs by its imports alone: no cycles by a back door, no files that only pass on. */
const plainModules = [
  {
    selector: 'Identifier[name="forwardRef"]',
    message: 'Two modules that need each other are one, or a third is missing.',
  },
  { selector: 'ExportAllDeclaration', message: 'No barrels: import from where it stands.' },
  {
    selector: 'ExportNamedDeclaration[declaration=null]',
    message: 'Export where it is declared; no barrels.',
  },
  { selector: 'ExportDefaultDeclaration', message: 'Exports have names.' },
];

export default tseslint.config(
  {
    ignores: ['dist/**', 'node_modules/**', 'test/shops/**', 'coverage/**', '**/*.mjs', '**/*.js'],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['error', { max: 7 }],
      complexity: ['error', 15],
      // Nest declares its option types as classes and wants plain objects
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Read settings through src/config.' },
        { object: 'Date', property: 'now', message: 'Use the injected Clock.' },
      ],
    },
  },
  {
    files: [
      'src/**/*.ts',
      'demo/**/*.ts',
      'local-postgres/**/*.ts',
      'bench/**/*.ts',
      'dashboards/**/*.ts',
    ],
    rules: { 'no-restricted-syntax': ['error', ...plainModules] },
  },
  {
    files: ['src/**/*.ts'],
    ignores: [...placesOfSql, '**/*.spec.ts'],
    rules: { 'no-restricted-syntax': ['error', ...plainModules, ...noSql] },
  },
  {
    files: ['dashboards/**/*.ts'],
    rules: {
      // the form of dashboards that Grafana 12 provisions from files; its builder already points to the next one
      '@typescript-eslint/no-deprecated': [
        'error',
        {
          allow: [
            {
              from: 'package',
              package: '@grafana/grafana-foundation-sdk',
              name: ['Dashboard', 'DashboardBuilder'],
            },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts', '**/*.spec.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'max-lines': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'no-restricted-properties': 'off',
    },
  },
  {
    files: ['demo/**/*.ts', 'local-postgres/**/*.ts', 'src/config/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['demo/**/*.ts', 'src/cli/**/*.ts', 'src/main.ts', 'bench/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
);
