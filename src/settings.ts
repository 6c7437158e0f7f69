import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { WatchnextError, type Problem } from './errors.js';
import { nameHint } from './nearest.js';

/**
 * Everything that can be set from outside, once: the environment name (WATCHNEXT_MAX_CANDIDATES), the flag
 * (--max-candidates), the type, the default and what it means all come from here. Flags win over the environment.
 */
const Settings = Type.Object(
  {
    models: Type.String({
      minLength: 1,
      default: 'models',
      description: 'folder of rankers and their sealed versions',
    }),
    store: Type.String({
      minLength: 1,
      default: '.cache/store',
      description: 'folder of the embedded store of item and user fields',
    }),
    host: Type.String({ minLength: 1, default: '127.0.0.1', description: 'address to listen on' }),
    port: Type.Integer({ minimum: 0, maximum: 65535, default: 8080, description: 'port to listen on; 0 picks one' }),
    ranker: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'the ranker used when a request names none; the only one if there is one',
      }),
    ),
    device: Type.Union([Type.Literal('auto'), Type.Literal('cpu'), Type.Literal('cuda')], {
      default: 'auto',
      description: 'where models run: auto tries CUDA and falls back to the CPU, cuda insists',
    }),
    workers: Type.Integer({ minimum: 1, maximum: 256, default: 1, description: 'threads that score, one core each' }),
    adminKey: Type.Optional(
      Type.String({
        minLength: 16,
        description: 'key for activate and rollback; without one they answer only on a loopback address',
        secret: true,
      }),
    ),
    maxCandidates: Type.Integer({
      minimum: 1,
      maximum: 5000,
      default: 1000,
      description: 'candidates allowed in one request',
    }),
    bodyLimitBytes: Type.Integer({
      minimum: 1024,
      maximum: 64 * 1024 * 1024,
      default: 4 * 1024 * 1024,
      description: 'largest request body, after decompression',
    }),
    scoreTimeoutMs: Type.Integer({
      minimum: 1,
      maximum: 60000,
      default: 1000,
      description: 'after this long without scores a request is answered in the fallback order',
    }),
    requestTimeoutMs: Type.Integer({
      minimum: 100,
      maximum: 300000,
      default: 10000,
      description: 'how long a client may take to send a whole request',
    }),
    keepAliveMs: Type.Integer({
      minimum: 0,
      maximum: 600000,
      default: 70000,
      description: 'how long an idle connection is kept; longer than the load balancer keeps it',
    }),
    drainDelayMs: Type.Integer({
      minimum: 0,
      maximum: 60000,
      default: 0,
      description: 'on SIGTERM: how long to stay open while not ready, so that load balancers notice',
    }),
    drainTimeoutMs: Type.Integer({
      minimum: 100,
      maximum: 300000,
      default: 10000,
      description: 'on SIGTERM: connections still open after this are cut',
    }),
    pollMs: Type.Integer({
      minimum: 50,
      maximum: 600000,
      default: 1000,
      description: 'how often the active versions are looked up in the models folder',
    }),
    clock: Type.Union([Type.Literal('wall'), Type.Literal('requests')], {
      default: 'wall',
      description:
        'what time it is: the wall clock’s, or the largest that requests said, for simulated or past traffic (never with people)',
    }),
    experiments: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'file of experiments in GrowthBook’s payload format; changes apply while it serves',
      }),
    ),
    experimentsHost: Type.Optional(
      Type.String({
        pattern: '^https?://\\S+$',
        description: 'GrowthBook’s API or proxy that experiments come from instead, such as https://cdn.growthbook.io',
      }),
    ),
    experimentsClientKey: Type.Optional(
      Type.String({ minLength: 1, description: 'of the SDK connection at that host', secret: true }),
    ),
    experimentsTesters: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'beside a host: file of who gets which arm by hand, {userId: {experiment: arm}}',
      }),
    ),
    experimentsPollMs: Type.Integer({
      minimum: 50,
      maximum: 3_600_000,
      default: 2000,
      description: 'how often experiments are looked up',
    }),
    experimentsLastGood: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'file that keeps the last good experiments and which phases began; if left out, experiments.json in the folder of the log, or with Kafka of the spool',
      }),
    ),
    log: Type.Union([Type.Literal('embedded'), Type.Literal('kafka'), Type.Literal('off')], {
      default: 'embedded',
      description: 'where events go: a log in a folder, Kafka, or nowhere (then nothing can be learned from them)',
    }),
    logDirectory: Type.String({
      minLength: 1,
      default: '.cache/log',
      description: 'folder of the embedded log; one service writes it, any number of processes read it',
    }),
    logPartitions: Type.Integer({
      minimum: 1,
      maximum: 1024,
      default: 4,
      description: 'partitions of each topic when the log is made; of one that exists they stay as they are',
    }),
    logRetentionHours: Type.Integer({
      minimum: 1,
      maximum: 24 * 3650,
      default: 168,
      description: 'events are kept this long, unless a topic outgrows its size; of Kafka’s topics, if this makes them',
    }),
    logRetentionBytes: Type.Integer({
      minimum: 1024 * 1024,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 10 * 1024 ** 3,
      description:
        'each topic drops its oldest events beyond this size (in Kafka each partition, if this makes the topic)',
    }),
    kafkaBrokers: Type.Optional(
      Type.String({
        pattern: '^[^\\s,:]+:\\d+(,[^\\s,:]+:\\d+)*$',
        description: 'addresses of Kafka brokers as host:port, with commas between them',
      }),
    ),
    kafkaClientId: Type.String({
      minLength: 1,
      default: 'watchnext',
      description: 'what Kafka’s logs call this client',
    }),
    kafkaTopicPrefix: Type.String({
      pattern: '^[\\w.-]{0,200}$',
      default: 'watchnext.',
      description: 'put before the topics events, examples and dead-letters',
    }),
    kafkaTls: Type.Boolean({ default: false, description: 'connect to Kafka with TLS' }),
    kafkaSaslMechanism: Type.Optional(
      Type.Union([Type.Literal('plain'), Type.Literal('scram-sha-256'), Type.Literal('scram-sha-512')], {
        description: 'how to sign in to Kafka; nothing is sent if left out',
      }),
    ),
    kafkaSaslUsername: Type.Optional(Type.String({ minLength: 1, description: 'who signs in to Kafka' })),
    kafkaSaslPassword: Type.Optional(
      Type.String({ minLength: 1, description: 'with what; better in the environment than as a flag', secret: true }),
    ),
    kafkaCompression: Type.Union([Type.Literal('none'), Type.Literal('gzip')], {
      default: 'gzip',
      description: 'how batches are sent to Kafka',
    }),
    kafkaReplication: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 1,
      description: 'copies of each topic when this makes it',
    }),
    spoolDirectory: Type.String({
      minLength: 1,
      default: '.cache/spool',
      description: 'folder for events while Kafka is away; one service writes it',
    }),
    spoolBytes: Type.Integer({
      minimum: 1024 * 1024,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 1024 ** 3,
      description: 'the most that waits there; beyond it feedback is refused and impressions are dropped',
    }),
    logLevel: Type.Union(
      (['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map((level) => Type.Literal(level)),
      { default: 'info', description: 'least level that is logged' },
    ),
  },
  { additionalProperties: false },
);

export type Settings = Readonly<Static<typeof Settings>>;
export type SettingName = keyof Settings;

const prefix = 'WATCHNEXT_';
const names = Object.keys(Settings.properties) as SettingName[];
const schemaOf = (name: SettingName): TSchema => Settings.properties[name];
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The settings that say where the event log is: for every command that reads or writes it. */
export const logSettingNames = names.filter((name) => /^(log(?!Level)|kafka|spool)/.test(name));

/** Where a setting comes from and what it means: for commands, which make their flags from it, and for the docs. */
export interface SettingSource {
  readonly name: SettingName;
  readonly env: string;
  readonly flag: string;
  readonly description: string;
  readonly default: unknown;
}

const sourceOf = (name: SettingName): SettingSource => ({
  name,
  env: prefix + snake(name).toUpperCase(),
  flag: `--${snake(name).replaceAll('_', '-')}`,
  description: String(schemaOf(name).description),
  default: schemaOf(name).default as unknown,
});

export const settingSources: readonly SettingSource[] = names.map(sourceOf);

const validate = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true, strict: false }).compile(Settings);

const unknownVariables = (env: Readonly<Record<string, string | undefined>>): Problem[] => {
  const known = settingSources.map((source) => source.env);
  return Object.keys(env)
    .filter((variable) => variable.startsWith(prefix) && !known.includes(variable))
    .map((variable) => ({ path: variable, message: 'is not a setting', hint: nameHint(variable, known) }));
};

/**
 * Settings from flags, else the environment, else defaults; `flags` holds only what was given, by setting name.
 * Throws settings_invalid with every problem at once: unknown WATCHNEXT_* variables with the nearest name, wrong values
 * with what is allowed and where the value came from.
 */
export const readSettings = (
  env: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Partial<Record<SettingName, unknown>>> = {},
): Settings => {
  const problems = unknownVariables(env);
  const values: Record<string, unknown> = {};
  for (const { name, env: variable } of settingSources) {
    const value = flags[name] ?? env[variable];
    if (value !== undefined) values[name] = value;
  }
  if (!validate(values))
    for (const error of validate.errors ?? []) {
      const source = settingSources.find(({ name }) => error.instancePath === `/${name}`);
      if (source === undefined || error.keyword === 'const') continue;
      problems.push({
        path: flags[source.name] === undefined ? source.env : source.flag,
        message: explain(source.name, error.message ?? 'is invalid'),
        hint: source.description,
      });
    }
  else problems.push(...missingSettings(values));
  if (problems.length > 0)
    throw new WatchnextError('settings_invalid', 'The settings cannot be used; nothing was started.', { problems });
  return values as Settings;
};

/** What one setting needs of another. */
const missingSettings = ({ log, kafkaBrokers, ...settings }: Settings): Problem[] => {
  const problems: Problem[] = [];
  const need = (name: SettingName, message: string): void => {
    const { env, flag } = sourceOf(name);
    problems.push({ path: env, message, hint: `set it, or ${flag}` });
  };
  if (log === 'kafka' && kafkaBrokers === undefined) need('kafkaBrokers', 'is missing: log is kafka');
  for (const name of ['kafkaSaslUsername', 'kafkaSaslPassword'] as const)
    if (settings.kafkaSaslMechanism !== undefined && settings[name] === undefined)
      need(name, `is missing: kafkaSaslMechanism is ${settings.kafkaSaslMechanism}`);
  const { experiments, experimentsHost: host, experimentsClientKey: key, experimentsTesters: testers } = settings;
  if (host !== undefined && key === undefined)
    need('experimentsClientKey', `is missing: experiments come from ${host}`);
  if (host === undefined && key !== undefined) need('experimentsHost', 'is missing: there is a client key for it');
  if (host !== undefined && experiments !== undefined)
    problems.push({
      path: sourceOf('experiments').env,
      message: 'is set, and experimentsHost too',
      hint: 'experiments come from a file or from a host: leave one out',
    });
  if (host === undefined && testers !== undefined)
    problems.push({
      path: sourceOf('experimentsTesters').env,
      message: 'belongs to experimentsHost',
      hint: 'a file of experiments holds its testers itself',
    });
  return problems;
};

const explain = (name: SettingName, message: string): string => {
  const choices = schemaOf(name).anyOf as { const: string }[] | undefined;
  return choices === undefined ? message : `must be one of ${choices.map((choice) => choice.const).join(', ')}`;
};

/** The settings as they may be printed: secrets only say that they are set. */
export const redactSettings = (settings: Settings): Record<string, unknown> =>
  Object.fromEntries(
    names
      .filter((name) => settings[name] !== undefined)
      .map((name) => [name, schemaOf(name).secret === true ? '(set)' : settings[name]]),
  );
