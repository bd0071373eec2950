/** What every file may import. */
const base = 'config/|clock[.]ts$|errors[.]ts$|text[.]ts$|auth/tenant[.]ts$';

/** What the files of each folder may import besides their own folder and the base. */
const folders = {
  config: '-',
  telemetry: '-',
  redis: 'telemetry/',
  auth: 'telemetry/',
  zenskar: 'telemetry/',
  totals: 'zenskar/|redis/|telemetry/',
  graphql: 'totals/|redis/|telemetry/',
  http: 'telemetry/',
  explorer: '-',
  simulator: '-',
};

/** The folder, or the files, in which each library is used. */
const homes = {
  got: 'zenskar/gotClient',
  undici: 'zenskar/undiciClient|auth/jwks',
  dataloader: 'totals/',
  '@redis/client': 'redis/',
  jose: 'auth/',
  'rate-limiter-flexible': 'auth/',
  '@apollo': 'graphql/',
  graphql: 'graphql/',
  'graphql-jit': 'graphql/',
  'graphql-scalars': 'graphql/',
  '@opentelemetry': 'telemetry/',
  'prom-client': 'telemetry/',
  pino: 'telemetry/',
  'sonic-boom': 'telemetry/',
  cors: 'http/',
  '@graphql-yoga': 'explorer/',
  'lru-cache': 'totals/|graphql/|auth/|zenskar/|http/|responseCache',
};

const forbid = (name, from, to) => ({ name, severity: 'error', from, to });

export default {
  forbidden: [
    ...Object.entries(folders).map(([folder, others]) =>
      forbid(
        `imports of ${folder}/`,
        { path: `^src/${folder}/` },
        { path: '^src/', pathNot: `^src/(${folder}/|${base}|${others})` },
      ),
    ),
    ...Object.entries(homes).map(([library, home]) =>
      forbid(
        `home of ${library}`,
        { path: '^src/', pathNot: `^src/(${home})` },
        { path: `node_modules/${library}/` },
      ),
    ),
    forbid(
      'programs are not imported',
      { path: '^src/', pathNot: '^src/(cli|simulator)/' },
      { path: '^src/(cli|simulator)/' },
    ),
    forbid(
      'only programs start the gateway',
      { path: '^src/', pathNot: '^src/(main[.]ts|cli/)' },
      { path: '^src/(main|app|workers)[.]ts$' },
    ),
    forbid('no cycles', { path: '^src/', pathNot: '__generated__|^src/graphql/context' }, { circular: true }),
  ],
  options: {
    // swc reports type imports by itself. tsPreCompilationDeps would need TypeScript below 7, and warn that there is none.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
