import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventIds } from '../../src/join/event-ids.js';

test('ids are new once, few or many, and keep their order through a list', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40).map(String), { maxLength: 80 }), fc.nat(80), (ids, cut) => {
      let seen = new EventIds();
      ids.forEach((id, i) => {
        if (i === cut) seen = new EventIds(seen.list());
        expect(seen.add(id)).toBe(ids.indexOf(id) === i);
      });
      expect(seen.list()).toEqual([...new Set(ids)]);
    }),
    { seed: 1, numRuns: 100 },
  );
});
