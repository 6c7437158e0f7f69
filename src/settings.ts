import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { WatchnextError, type Problem } from './errors.js';
import { lazily } from './lazily.js';
import { nearestName } from './nearest.js';
import { experimentsSettings } from './settings/experiments.js';
import { logSettings } from './settings/log.js';
import { securitySettings } from './settings/security.js';
import { servingSettings } from './settings/serving.js';
import { storeSettings } from './settings/store.js';
import { telemetrySettings } from './settings/telemetry.js';

/**
 * Everything that can be set from outside, once: the environment name (WATCHNEXT_MAX_CANDIDATES), the flag
 * (--max-candidates), the type, the default and what it means all come from here. Flags win over the environment.
 */
const Settings = Type.Object(
  {
    ...servingSettings,
    ...securitySettings,
    ...storeSettings,
    ...experimentsSettings,
    ...logSettings,
    ...telemetrySettings,
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
export const logSettingNames = Object.keys(logSettings) as (keyof typeof logSettings)[];

/** Where a setting comes from and what it means: for commands, which make their flags from it, and for the docs. */
export interface SettingSource {
  readonly name: SettingName;
  readonly env: string;
  readonly flag: string;
  readonly description: string;
  readonly default: string | number | boolean | undefined;
  /** What its values are; of a choice, all of them. */
  readonly kind: 'text' | 'n' | 'true|false' | 'choice';
  readonly choices: readonly string[];
}

const valuesOf = ({ anyOf, type }: TSchema): Pick<SettingSource, 'kind' | 'choices'> => {
  if (Array.isArray(anyOf))
    return { kind: 'choice', choices: (anyOf as { const: string }[]).map((each) => each.const) };
  return { kind: type === 'boolean' ? 'true|false' : type === 'string' ? 'text' : 'n', choices: [] };
};

const sourceOf = (name: SettingName): SettingSource => ({
  name,
  env: prefix + snake(name).toUpperCase(),
  flag: `--${snake(name).replaceAll('_', '-')}`,
  description: String(schemaOf(name).description),
  default: schemaOf(name).default as SettingSource['default'],
  ...valuesOf(schemaOf(name)),
});

export const settingSources: readonly SettingSource[] = names.map(sourceOf);

const validator = lazily(() =>
  new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true, strict: false }).compile(Settings),
);

/** There are too many settings to list all of them at each unknown one. */
const unknownVariables = (env: Readonly<Record<string, string | undefined>>): Problem[] => {
  const known = settingSources.map((source) => source.env.slice(prefix.length));
  return Object.keys(env).flatMap((path) => {
    if (!path.startsWith(prefix) || known.includes(path.slice(prefix.length))) return [];
    const nearest = nearestName(path.slice(prefix.length), known);
    const meant = nearest === undefined ? '' : `did you mean ${prefix}${nearest}? `;
    return [{ path, message: 'is not a setting', hint: `${meant}npx watchnext serve --help lists all of them` }];
  });
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
  const validate = validator();
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
  for (const [one, other] of [
    ['tlsCert', 'tlsKey'],
    ['tlsKey', 'tlsCert'],
    ['tlsClientCa', 'tlsCert'],
  ] as const)
    if (settings[one] !== undefined && settings[other] === undefined) need(other, `is missing: ${one} is set`);
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
      .map((name) => [name, schemaOf(name).secret === true ? '(set)' : withoutCredentials(settings[name])]),
  );

/** An address may hold a name and a password. */
const withoutCredentials = (value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/^(\w{1,20}:\/\/)[^/]*@/, '$1(set)@') : value;
