import { describe, expect, test } from '@jest/globals';
import { createRooms } from '../../src/inference/rooms.js';

describe('shared memory', () => {
  test('is used again for what has about the same size, and is zeros then', () => {
    const { take, giveBack } = createRooms();
    const room = take(1000);
    new Uint8Array(room).fill(7);
    giveBack(room);
    const again = take(1001);
    expect(again).toBe(room);
    expect(new Uint8Array(again).every((byte) => byte === 0)).toBe(true);
  });

  test('is no longer given to anybody while somebody has it', () => {
    const { take, giveBack } = createRooms();
    const room = take(64);
    giveBack(room);
    expect(take(64)).toBe(room);
    expect(take(64)).not.toBe(room);
  });

  test('is at most an eighth more than asked for, and no more where that is a power of two', () => {
    const { take } = createRooms();
    for (const bytes of [1, 8, 100, 1000, 7_528_536, 7_600_000]) {
      expect(take(bytes).byteLength).toBeGreaterThanOrEqual(bytes);
      expect(take(bytes).byteLength).toBeLessThanOrEqual(bytes + Math.max(8, bytes / 8));
    }
    for (const bytes of [8, 128, 4096, 2 ** 20]) expect(take(bytes).byteLength).toBe(bytes);
  });

  test('that waits is 256 MB at most: what was given back first is let go', () => {
    const { take, giveBack } = createRooms();
    const sizes = [64, 96, 128].map((megabytes) => megabytes * 2 ** 20);
    const rooms = sizes.map(take);
    rooms.forEach(giveBack);
    expect(sizes.map((bytes) => rooms.includes(take(bytes)))).toEqual([false, true, true]);
  });

  test('of a size that nobody asks for is let go: it would take the place of what can be used again', () => {
    const { take, giveBack } = createRooms();
    const size = 128 * 2 ** 20;
    const room = take(size);
    giveBack(room);
    giveBack(new SharedArrayBuffer(size + 4096));
    giveBack(new SharedArrayBuffer(size + 8192));
    expect(take(size)).toBe(room);
  });

  test.each([1, 100, 1000, 1025, 7_528_536])('asked for by %d bytes can be given back and taken again', (bytes) => {
    const { take, giveBack } = createRooms();
    const room = take(bytes);
    giveBack(room);
    expect(take(bytes)).toBe(room);
  });
});
