import { readFileSync } from 'node:fs';

/** The version in package.json, which lies above both the sources and the build. */
export const softwareVersion = (): string => {
  for (const above of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(above, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      continue;
    }
  }
  return '0.0.0';
};
