import { expect, test } from '@jest/globals';
import { hashId } from '../../src/features/index.js';
import { combineHashes } from '../../src/features/hash.js';

const asText = ([high, low]: readonly [number, number]): string => `${high.toString(16)}:${low.toString(16)}`;

test('a number hashes as its decimal text, other texts differently', () => {
  expect(hashId(7)).toEqual(hashId('7'));
  expect(hashId(1.0)).toEqual(hashId('1'));
  expect(hashId('1.0')).not.toEqual(hashId('1'));
  expect(hashId('')).not.toEqual(hashId('\0'));
});

test('hashes never change: they name rows in sealed models', () => {
  expect(['', '0', '7', 'user-42', 'Größe', '🎬'].map((id) => asText(hashId(id)))).toMatchInlineSnapshot(`
   [
     "1b147dcc:770862b9",
     "dde421f6:96034464",
     "ebe6878e:65809c3a",
     "b5b2ad42:33160c40",
     "db82bf69:5c9a58f",
     "e4d61128:294f6971",
   ]
  `);
});

test('60,000 ids of three common forms have distinct hashes, and distinct halves as often as chance has it', () => {
  const halves = [new Set<number>(), new Set<number>()] as const;
  const whole = new Set<bigint>();
  let ids = 0;
  for (let i = 0; i < 20_000; i++) {
    for (const id of [i, `video_${i}`, `${i * 1_000_003}-x`]) {
      const [high, low] = hashId(id);
      halves[0].add(high);
      halves[1].add(low);
      whole.add((BigInt(high) << 32n) | BigInt(low));
      ids++;
    }
  }
  expect(whole.size).toBe(ids);
  // n^2 / 2^33 = 0.4 collisions of 32 bits are expected; 8 would be a one in ten million event.
  for (const half of halves) expect(ids - half.size).toBeLessThan(8);
});

test('the bits used to place keys in tables are spread evenly', () => {
  const buckets = new Int32Array(1024);
  for (let i = 0; i < 102_400; i++) buckets[hashId(i)[1] & 1023]!++;
  const chiSquare = buckets.reduce((sum, n) => sum + (n - 100) ** 2 / 100, 0);
  // 1023 degrees of freedom: mean 1023, deviation 45.
  expect(chiSquare).toBeLessThan(1023 + 5 * 45);
});

test('pairs of ids hash by their order, without collisions among 90,000 pairs', () => {
  const seen = new Set<string>();
  const out = new Uint32Array(2);
  for (let a = 0; a < 300; a++) {
    for (let b = 0; b < 300; b++) {
      combineHashes(Uint32Array.from([...hashId(a), ...hashId(b)]), out, 0);
      seen.add(`${out[0]}:${out[1]}`);
    }
  }
  expect(seen.size).toBe(90_000);
});
