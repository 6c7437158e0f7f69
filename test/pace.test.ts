import { describe, expect, test } from '@jest/globals';
import { createPace } from '../src/pace.js';

describe('a pace', () => {
  test('is not known before any work', () => {
    expect(createPace().msPerUnit).toBeUndefined();
  });

  test('weighs pieces by their size', () => {
    const pace = createPace(1e9);
    pace.add(1, 1);
    pace.add(99, 99 * 4);
    expect(pace.msPerUnit).toBeCloseTo(100 / 397, 6);
  });

  test('follows a change: halfway after its half-life, nearly there after ten', () => {
    const pace = createPace(8);
    for (let piece = 0; piece < 200; piece++) pace.add(1, 1);
    for (let piece = 0; piece < 8; piece++) pace.add(3, 1);
    expect(pace.msPerUnit).toBeCloseTo(2, 1);
    for (let piece = 0; piece < 72; piece++) pace.add(3, 1);
    expect(pace.msPerUnit).toBeCloseTo(3, 1);
  });

  test('is not thrown off by one pause', () => {
    const pace = createPace(32);
    for (let piece = 0; piece < 200; piece++) pace.add(2, 1);
    pace.add(10_000, 1);
    expect(pace.msPerUnit).toBeLessThan(2.5);
  });
});
