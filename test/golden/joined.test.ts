import { expect, test } from '@jest/globals';
import { decodeJoined, encodeJoined, type JoinedEntry } from '../../src/join/index.js';

/** Logs hold these bytes: if this test fails, the format needs a new version and a reader of the old one. */
const entry: JoinedEntry = {
  ranker: 'films',
  partition: 1,
  watermark: 1767571200500,
  from: 7,
  firstOutcome: 3,
  outcomes: [
    {
      time: 1767571200000,
      user: { user_id: 'u1' },
      context: {},
      candidate: { item_id: 9 },
      labels: { click: 0, watch: Number.NaN },
    },
    {
      time: 1767571200400,
      user: { user_id: 'u1' },
      context: {},
      candidate: { item_id: 9 },
      labels: { click: 1, watch: 12.5 },
      before: { click: 0, watch: Number.NaN },
      since: 1767571200000,
    },
  ],
  examples: [
    {
      partition: 1,
      sequence: 4,
      time: 1767571140000,
      matured: 1767571200100,
      requestId: 'request-1',
      ranker: 'films',
      version: 'v1+2',
      fingerprint: 'abc',
      arms: { layout: 'wide' },
      positions: Int32Array.of(1, 2),
      features: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      labels: Float32Array.of(1, 12.5, 0, Number.NaN),
      served: Float32Array.of(0.25, 3, 0.5, Number.NaN),
      feedbackTimes: Float64Array.of(1767571150000),
    },
  ],
};

test('a joined entry of version 1 is these bytes', () => {
  const bytes = encodeJoined(entry);
  expect(
    Buffer.from(bytes)
      .toString('base64')
      .replace(/.{100}/g, '$&\n'),
  ).toMatchInlineSnapshot(`
   "V05KRQEAAACbxdKyQAIAAAYBAAALAAAABAAAAAMAAAAEAAAABgAAAAEAAAAEAAAAAQAAAAIAAAAEAAAABQAAAAIAAAACAAAAAQAA
   AAQAAAABAAAABAAAAAQAAAABAAAABAAAAAEAAAADAAAAAgAAAHsicmFua2VyIjoiZmlsbXMiLCJwYXJ0aXRpb24iOjEsInRhc2tz
   IjpbImNsaWNrIiwid2F0Y2giXSwibGlzdHMiOltbeyJ1c2VyX2lkIjoidTEifSx7fSxbeyJpdGVtX2lkIjo5fV1dLFt7InVzZXJf
   aWQiOiJ1MSJ9LHt9LFt7Iml0ZW1faWQiOjl9XV1dLCJleGFtcGxlcyI6W3sicmVxdWVzdElkIjoicmVxdWVzdC0xIiwicmFua2Vy
   IjoiZmlsbXMiLCJ2ZXJzaW9uIjoidjErMiIsImZpbmdlcnByaW50IjoiYWJjIiwiYXJtcyI6eyJsYXlvdXQiOiJ3aWRlIn19XX0A
   AABAn0G3uHlCAAAAAAAAHEAAAAAAAAAIQAAAgEG3uHlCAAAAAAAA+H8AAAAAAAAAAAAAmUG3uHlCAACAQbe4eUIAAAAAAADwPwAA
   AAAAAMB/AACAPwAASEEAAAAAAADAfwAAAAAAABBAAADaMre4eUIAQIZBt7h5QgAAAAAAAABAAAAAAAAA8D8BAAAAAgAAAAAAgD8A
   AEhBAAAAAAAAwH8AAIA+AABAQAAAAD8AAMB/AABLNbe4eUIAAAAAAAAgQAECAwQFBgcI"
  `);
  expect(decodeJoined(bytes)).toEqual(entry);
});

test('damage to any part of a joined entry is found', () => {
  const bytes = encodeJoined(entry);
  for (let i = 0; i < bytes.length; i += 13) {
    const damaged = bytes.slice();
    damaged[i]! ^= 0x20;
    expect(() => decodeJoined(damaged)).toThrow();
  }
});
