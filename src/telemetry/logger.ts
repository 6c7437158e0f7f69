import { pino } from 'pino';

/** What the parts need of a logger: structured fields first, then a sentence. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

const secrets = ['adminKey', 'authorization', 'headers.authorization', 'headers["x-api-key"]', 'headers.cookie'];

/**
 * JSON lines on standard error (standard output is for results), or to `destination`. Values become JSON strings, so that
 * no request can forge a line; secrets are cut.
 */
export const createLogger = (options: {
  readonly level: LogLevel;
  readonly destination?: { write(line: string): void };
}): Logger =>
  pino(
    {
      level: options.level,
      base: null,
      redact: { paths: secrets, censor: '(redacted)' },
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: harmless },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );

/** What JSON leaves as it is, and terminals and readers of lines do not: control characters beyond ASCII, line separators. */
const harmless = (line: string): string =>
  line.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Says nothing: for tests and commands that print for people. */
export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
