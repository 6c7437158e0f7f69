import { mix } from './seeding.js';

/** Sightings per cell before all counts are halved: keeps the share of early admissions near one in a hundred. */
const window = 1 / 8;

/**
 * Counts the sightings of ids that have no row yet, in bounded memory: a count-min sketch of bytes with conservative
 * update. It never undercounts within a window; a collision can admit an id early, never late. After a window of
 * sightings all counts are halved, so ids rarer than that are forgotten instead of adding up for ever.
 */
export class Sightings {
  readonly cells: Uint8Array;
  /** The same bytes by fours, as files hold them. */
  readonly words: Uint32Array;
  private sinceHalving = 0;

  /** `cells` is a power of two, 4 or more. */
  constructor(cells: number) {
    this.words = new Uint32Array(cells / 4);
    this.cells = new Uint8Array(this.words.buffer);
  }

  /** Sightings counted since the last halving. */
  get position(): number {
    return this.sinceHalving;
  }

  restore(words: Uint32Array, position: number): void {
    this.words.set(words);
    this.sinceHalving = position;
  }

  /** Counts one sighting and answers how many there were, this one included (at most 255). */
  count(high: number, low: number): number {
    const { cells } = this;
    const mask = cells.length - 1;
    const first = mix(high ^ mix(low));
    const second = mix(low ^ mix(high ^ 0x5bd1e995)) | 1;
    const a = first & mask;
    const b = (first + second) & mask;
    const c = (first + 2 * second) & mask;
    const next = Math.min(cells[a] as number, cells[b] as number, cells[c] as number, 254) + 1;
    for (const cell of [a, b, c]) if ((cells[cell] as number) < next) cells[cell] = next;
    this.sinceHalving += 1;
    if (this.sinceHalving >= cells.length * window) this.halve();
    return next;
  }

  private halve(): void {
    for (let cell = 0; cell < this.cells.length; cell += 1) this.cells[cell] = (this.cells[cell] as number) >>> 1;
    this.sinceHalving = 0;
  }
}
