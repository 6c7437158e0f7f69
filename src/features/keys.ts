import type { KeyList } from './feature.js';
import { hashText } from './hash.js';

/** A key list over one array that is kept between uses. */
export class GrowingKeys implements KeyList {
  #words = new Uint32Array(64);
  length = 0;

  add(high: number, low: number): void {
    this.#reserve();
    this.#words[2 * this.length] = high;
    this.#words[2 * this.length + 1] = low;
    this.length++;
  }

  addText(text: string): void {
    this.#reserve();
    hashText(text, this.#words, 2 * this.length);
    this.length++;
  }

  /** A copy of the keys, [length, 2]; the list is empty afterwards. */
  take(): Uint32Array {
    const keys = this.#words.slice(0, 2 * this.length);
    this.length = 0;
    return keys;
  }

  #reserve(): void {
    if (2 * this.length < this.#words.length) return;
    const words = new Uint32Array(2 * this.#words.length);
    words.set(this.#words);
    this.#words = words;
  }
}
