// Who may import whom: ARCHITECTURE.md says why, this holds it. Run by `npm run check`.

const parts =
  '^src/(bridge|consumer|processor|accounts|http)/|^src/(reclaimer|members|snapshot|monitor)\\.ts$';
const faces = '^src/(index|group|group-view|compose|reports|shutdown|client|publisher|verify)\\.ts$';

/** Only the files in `at` may import the package `name`. */
const only = (name, at) => ({
  name: `${name} only in ${at}`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^${at}` },
  to: { path: `node_modules/${name}/` },
});

module.exports = {
  forbidden: [
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no orphans', severity: 'error', from: { orphan: true, path: '^src/' }, to: {} },
    {
      name: 'the command line is imported by the bin alone',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'the command line speaks to Redis through the library',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/(redis|bridge|consumer|processor)/' },
    },
    {
      name: 'parts do not import what composes them',
      severity: 'error',
      from: { path: parts },
      to: { path: faces },
    },
    {
      name: 'parts do not import each other: the group hands them what they need',
      severity: 'error',
      from: { path: '^src/(bridge|consumer)/' },
      to: { path: parts, pathNot: '^src/$1/|^src/processor/' },
    },
    {
      name: 'the module that speaks Redis knows nothing of who uses it',
      severity: 'error',
      from: { path: '^src/redis/' },
      to: { path: '^src/', pathNot: '^src/(redis/|(errors|logger|packed|payload|position|stream-id)\\.ts$)' },
    },
    {
      name: 'leaves import leaves alone',
      severity: 'error',
      from: {
        path: '^src/(errors|logger|position|message|outcome|service|duration|size|nearest|mask|digest|settings|pacing|ledger|packed|payload|stream-id|listen|buckets|vitals)\\.ts$',
      },
      to: {
        path: '^src/',
        pathNot: '^src/(errors|logger|payload|position|duration|nearest|size|listen|stream-id|buckets)\\.ts$',
      },
    },
    {
      name: 'what serves http sees the group through its view and its snapshot',
      severity: 'error',
      from: { path: '^src/http/' },
      to: { path: parts, pathNot: '^src/http/|^src/snapshot\\.ts$' },
    },
    {
      name: 'http is loaded only where it is wanted',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/http/' },
      to: { path: '^src/http/', dependencyTypesNot: ['type-only', 'dynamic-import'] },
    },
    only('ioredis', 'src/redis/'),
    only('@opentelemetry', 'src/tracing/'),
    only('(fastify|@fastify|prom-client)', 'src/http/'),
    only(
      '(commander|cosmiconfig|pino|pino-pretty|cli-table3|cli-progress|yaml|ansi-escapes|cli-truncate|picocolors|sparkly|string-width)',
      'src/cli/',
    ),
    only('zod', 'src/(settings\\.ts|cli/)'),
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
