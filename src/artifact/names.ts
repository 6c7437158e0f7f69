import { WatchnextError } from '../errors.js';

/** Names that reach the file system are matched whole, so that no name leaves its folder. */
const patterns = {
  ranker: /^[a-z][a-z0-9_]{0,63}$/,
  version: /^\d{8}T\d{6}Z-[0-9a-f]{6}$/,
  /** One folder deep at most; no part begins with a dot. */
  file: /^[a-z0-9][a-z0-9_.-]{0,99}(\/[a-z0-9][a-z0-9_.-]{0,99})?$/i,
};

const allowed = {
  ranker: 'lower-case letters, digits and underscores, 64 at most, a letter first',
  version: 'a time and a short hash, such as 20260430T235959Z-ab12cd',
  file: 'letters, digits, dots, dashes and underscores, in one folder at most',
};

export type NameKind = keyof typeof patterns;

export const isName = (kind: NameKind, name: string): boolean => patterns[kind].test(name);

/** The name, or `artifact_missing`: there cannot be anything of that name. */
export function requireName(kind: NameKind, name: string): string {
  if (isName(kind, name)) return name;
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  throw new WatchnextError('artifact_missing', `${shown} cannot be the name of a ${kind}.`, {
    problems: [{ path: kind, message: `is ${shown}`, hint: `use ${allowed[kind]}` }],
  });
}

/** `20260430T235959Z-ab12cd`: names sort by time, and say when contents differ. */
export function versionName(created: Date, contentHash: string): string {
  const time = created.toISOString().replace(/[-:]|\.\d+/g, '');
  return `${time}-${contentHash.slice(0, 6)}`;
}

/** A version as it may be asked for: sealed, or with the first `sequence` deltas of its chain applied. */
export interface VersionReference {
  readonly version: string;
  /** 0 for the sealed version alone. */
  readonly sequence: number;
}

/** `20260430T235959Z-ab12cd+17`: the sealed version with 17 deltas; just its name for none. */
export const referenceName = ({ version, sequence }: VersionReference): string =>
  sequence === 0 ? version : `${version}+${sequence}`;

/** The sealed version that a version named by `referenceName` is of. */
export const sealedVersion = (name: string): string => name.split('+')[0] ?? name;

/** The reverse of `referenceName`; throws `artifact_missing` for anything else. */
export function parseVersionReference(name: string): VersionReference {
  const [, version = name, sequence = '0'] = /^(.*)\+([1-9]\d{0,7})$/s.exec(name) ?? [];
  requireName('version', version);
  return { version, sequence: Number(sequence) };
}

const deltasFolder = 'deltas';
/** Where a version's chain lies within its ranker's folder: under a name that no version can have. */
export const chainPath = (version: string): string => `${deltasFolder}/${version}`;
export const chainsPath = deltasFolder;
export const deltaFile = (sequence: number): string => `${String(sequence).padStart(8, '0')}.delta`;
/** The sequence of a delta's file; undefined for other files. */
export const sequenceOf = (file: string): number | undefined => {
  const digits = /^(\d{8})\.delta$/.exec(file)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** Where a version keeps what serves; its other files are for training, or reports. */
export const modelFiles = {
  graph: 'graph.onnx',
  parameters: 'features.json',
  state: 'state.bin',
  golden: 'golden.bin',
} as const;
const tablesFolder = 'tables/';
/** Where a version keeps what learning goes on from; who serves does not read it. */
const trainingFolder = 'training/';
export const trainingPath = (name: string): string => `${trainingFolder}${name}`;
export const isTrainingFile = (path: string): boolean => path.startsWith(trainingFolder);
export const tablePath = (name: string): string => `${tablesFolder}${name}.bin`;
export const isTableFile = (path: string): boolean => path.startsWith(tablesFolder);
export const isModelFile = (path: string): boolean =>
  isTableFile(path) || Object.values<string>(modelFiles).includes(path);
