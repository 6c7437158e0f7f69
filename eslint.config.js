import js from '@eslint/js';
import ts from 'typescript-eslint';

/** Architecture as lint: who may import whom, and which package enters the code at which place. */
const owners = {
  express: ['src/http/**'],
  '@tensorflow/tfjs': ['training/compile/**'],
  '@duckdb/node-api': ['training/dataset/**'],
  lmdb: ['src/features/**', 'src/events/**'],
  ioredis: ['src/features/**'],
  kafkajs: ['src/events/**', 'bench/kafka.ts'],
  'onnxruntime-node': ['src/inference/**', 'training/fit/**'],
  protobufjs: ['training/compile/**'],
  echarts: ['training/charts/**'],
  '@stdlib/math-base-special-gammainc': ['training/experiments/**'],
  '@stdlib/math-base-special-gammaln': ['training/experiments/**'],
  '@stdlib/stats-base-dists-normal-cdf': ['training/experiments/**'],
  '@stdlib/stats-base-dists-normal-quantile': ['training/experiments/**'],
  '@stdlib/stats-base-dists-t-cdf': ['training/experiments/**'],
  '@stdlib/stats-base-dists-t-quantile': ['training/experiments/**'],
  'prom-client': ['src/telemetry/**'],
  pino: ['src/telemetry/**'],
  '@opentelemetry/api': ['src/telemetry/**'],
  '@opentelemetry/sdk-trace-base': ['src/telemetry/**'],
  '@opentelemetry/exporter-trace-otlp-http': ['src/telemetry/**'],
  '@opentelemetry/resources': ['src/telemetry/**'],
  '@growthbook/growthbook': ['src/experiments/**'],
};
const packageRule = (name, where) => ({
  name,
  message: `${name} is imported in ${where.join(' or ')} only: use what those modules export.`,
});
const forbiddenPackages = (except = []) =>
  Object.entries(owners)
    .filter(([name]) => !except.includes(name))
    .map(([name, where]) => packageRule(name, where));
const deep = {
  regex:
    '(src|training|\\.\\.)/(definition|features|embeddings|artifact|inference|ranking|http|telemetry|dataset|network|compile|fit|evaluate|metrics|events|join|live|recording|stream|sections|experiments|policy|security|examination|charts|studies|drift|generator|measure|service|model|scenarios|report|compare|growth)/(?!index\\.js$).+',
  message: 'Import from the folder’s index.js: what is not exported there is private to it.',
};
const fromTraining = {
  regex: '/training/',
  message: 'src/ never imports training/: move what both need into a [shared] folder of src/.',
};
const fromCli = { regex: '/cli/', message: 'Only cli/ knows the commands: pass what you need in as an argument.' };
const fromService = {
  regex: 'src/(http|ranking|inference|live|recording|server|compose)',
  message:
    'training/ imports only the shared folders of src/: definition, events, features, embeddings, join, policy, artifact, errors, settings, telemetry.',
};
const imports = (except, patterns) => ({
  'no-restricted-imports': ['error', { paths: forbiddenPackages(except), patterns }],
});
const ownersOf = (pattern) => Object.keys(owners).filter((name) => owners[name].includes(pattern));
const places = [...new Set(Object.values(owners).flat())];

export default ts.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', 'coverage/'] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: './tsconfig.json',
        tsconfigRootDir: import.meta.dirname,
      },
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly' },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-params': ['error', 4],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
    },
  },
  { files: ['src/**/*.ts'], rules: imports([], [deep, fromTraining, fromCli]) },
  { files: ['training/**/*.ts'], rules: imports([], [deep, fromService, fromCli]) },
  { files: ['cli/**/*.ts', 'bench/**/*.ts', 'load-tests/**/*.ts'], rules: imports([], [deep]) },
  ...places.map((place) => ({
    files: [place],
    rules: imports(
      ownersOf(place),
      place.startsWith('bench/')
        ? [deep]
        : place.startsWith('src/')
          ? [deep, fromTraining, fromCli]
          : [deep, fromService, fromCli],
    ),
  })),
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', 'max-params': 'off' },
  },
  { files: ['**/*.js'], ...ts.configs.disableTypeChecked },
  { files: ['*.config.js', 'test/environment.js', 'test/totals.js'], rules: { 'no-restricted-exports': 'off' } },
);
