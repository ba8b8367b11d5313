// Who may import whom: one rule per folder. ARCHITECTURE.md says why, `npm run check` holds it.

/** What each folder of src may import from, itself aside. `index` is src/index.ts. */
const MAY_IMPORT = {
  core: [],
  log: ['core'],
  settings: ['log', 'core'],
  redis: ['log', 'core'],
  protocol: ['log', 'core'],
  processor: ['protocol', 'log', 'core'],
  // A remote worker: the other side of the protocol.
  worker: ['processor', 'protocol', 'log', 'settings', 'core'],
  conformance: ['processor', 'protocol', 'log', 'core'],
  bridge: ['log', 'core'],
  consumer: ['log', 'core'],
  tracing: ['log', 'core'],
  control: ['log', 'core'],
  record: ['log', 'settings', 'core'],
  observe: ['verify', 'redis', 'log', 'settings', 'core'],
  http: ['protocol', 'processor', 'observe', 'redis', 'log', 'settings', 'core'],
  group: [
    'bridge',
    'consumer',
    'processor',
    'control',
    'tracing',
    'record',
    'http',
    'observe',
    'redis',
    'log',
    'settings',
    'core',
  ],
  publish: ['redis', 'log', 'core'],
  verify: ['publish', 'redis', 'core'],
  doctor: ['record', 'redis', 'log', 'settings', 'core'],
  index: [
    'worker',
    'group',
    'consumer',
    'observe',
    'verify',
    'processor',
    'redis',
    'log',
    'settings',
    'core',
  ],
  cli: [
    'worker',
    'conformance',
    'index',
    'group',
    'observe',
    'verify',
    'publish',
    'doctor',
    'log',
    'settings',
    'core',
  ],
};

/** The packages that one folder alone may import. */
const PACKAGES = {
  redis: ['ioredis'],
  tracing: ['@opentelemetry'],
  record: ['pg'],
  http: ['fastify', 'helmet', 'prom-client'],
  cli: ['commander', 'cosmiconfig', 'pino', 'pino-pretty', 'yaml', 'get-east-asian-width'],
};

const pathOf = (folder) => (folder === 'index' ? '^src/index\\.ts$' : `^src/${folder}/`);
const anyOf = (patterns) => `(${patterns.join('|')})`;

module.exports = {
  forbidden: [
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '\\.d\\.ts$' },
      to: {},
    },
    {
      name: 'src holds folders with a rule, and index.ts',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: anyOf(Object.keys(MAY_IMPORT).map(pathOf)) },
    },
    ...Object.entries(MAY_IMPORT).map(([folder, others]) => ({
      name: `${folder} imports only from ${others.join(', ') || 'itself'}`,
      severity: 'error',
      from: { path: pathOf(folder) },
      to: { path: '^src/', pathNot: anyOf([folder, ...others].map(pathOf)) },
    })),
    ...Object.entries(PACKAGES).map(([folder, packages]) => ({
      name: `${packages.join(', ')} only in ${folder}`,
      severity: 'error',
      from: { path: '^src/', pathNot: pathOf(folder) },
      to: { path: `node_modules/${anyOf(packages)}/` },
    })),
    {
      name: 'zod only in settings, protocol and cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(settings|protocol|cli)/' },
      to: { path: 'node_modules/zod/' },
    },
    {
      name: 'the driver of PostgreSQL is loaded only for a record in it',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/record/(postgres-record|pool|record-sql)\\.ts$' },
      to: {
        path: '^src/record/(postgres-record|pool|record-sql)\\.ts$',
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
    },
    {
      name: 'http is loaded only when it is set',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/http/' },
      to: { path: '^src/http/', dependencyTypesNot: ['type-only', 'dynamic-import'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
