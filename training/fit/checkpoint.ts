import { rm } from 'node:fs/promises';
import type { ModelState } from './model.js';
import { readSections, writeSections, type SectionArray } from '../sections/index.js';

/** Where a run stood: plain JSON beside the model's state. */
export interface Checkpoint<Position> {
  readonly position: Position;
  readonly now: ModelState;
  /** The state with the best validation loss so far. */
  readonly best: ModelState | undefined;
}

interface Header<Position> {
  readonly position: Position;
  readonly hasBest: boolean;
}

/** Whatever happens, the file is the previous checkpoint or this one. */
export async function writeCheckpoint<Position>(path: string, checkpoint: Checkpoint<Position>): Promise<void> {
  const { position, now, best } = checkpoint;
  const header: Header<Position> = { position, hasBest: best !== undefined };
  const arrays = new Map([...sectionsOf('now', now), ...(best === undefined ? [] : sectionsOf('best', best))]);
  await writeSections(path, { header, arrays });
}

/** Undefined where there is no such file; refuses one that is damaged. */
export async function readCheckpoint<Position>(path: string): Promise<Checkpoint<Position> | undefined> {
  const sections = await readSections(path);
  if (sections === undefined) return undefined;
  const { position, hasBest } = sections.header as Header<Position>;
  const { arrays } = sections;
  return { position, now: stateOf('now', arrays), best: hasBest ? stateOf('best', arrays) : undefined };
}

export async function removeCheckpoint(path: string): Promise<void> {
  await rm(path, { force: true });
}

const sectionsOf = (prefix: string, state: ModelState): [string, SectionArray][] =>
  (['dense', 'tables'] as const).flatMap((kind) =>
    [...state[kind]].map(([name, values]): [string, SectionArray] => [`${prefix}/${kind}/${name}`, values]),
  );

function stateOf(prefix: string, arrays: ReadonlyMap<string, SectionArray>): ModelState {
  const of = (kind: string): Map<string, never> => {
    const start = `${prefix}/${kind}/`;
    const found = [...arrays].filter(([name]) => name.startsWith(start));
    return new Map(found.map(([name, values]) => [name.slice(start.length), values as never]));
  };
  return { dense: of('dense'), tables: of('tables') };
}
