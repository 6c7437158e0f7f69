import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { contaminated } from '../../cli/experiment/contaminated.js';
import { sealArtifact, type Sources } from '../../src/artifact/index.js';
import { openEmbeddedLog, recordOf } from '../../src/events/index.js';
import { openLogTables } from '../../training/dataset/index.js';
import { inFolder, sealing } from '../artifact/model.js';
import { experimentEvents } from '../experiments/experiment-log.js';

test('a report looks at the versions that answered each arm last, as they are in the models folder', () =>
  inFolder(async (models) => {
    const seal = async (day: number, sources?: Sources): Promise<string> => {
      const options = sealing(models);
      const facts = { ...options.facts, trainer: sources === undefined ? {} : { sources } };
      return (await sealArtifact({ ...options, facts, nowMs: Date.UTC(2026, 0, day) })).version;
    };
    const first = await seal(1);
    const versions: Record<string, string> = {
      control: await seal(2, { tiny: { rows: 90, arms: { 'longer/control': 90 } } }),
      changed: await seal(3, { tiny: { rows: 90, arms: { 'longer/control': 30, 'longer/changed': 60 } } }),
    };
    const events = experimentEvents({ seed: 3, users: 30, arms: { control: 1, changed: 1 } });
    const lists = events.filter(({ kind }) => kind === 'impression');
    const log = await openEmbeddedLog({ directory: join(models, '.log'), writes: ['events'] });
    const begin = Math.min(...lists.map(({ time }) => time));
    await log.append(
      'events',
      events.map((event) => {
        if (event.kind !== 'impression') return recordOf(event, 0);
        // Each arm began with the first version.
        const version =
          event.time < begin + 8 * 86_400_000 ? first : `${versions[event.arms['longer'] ?? ''] ?? first}+3`;
        return recordOf({ ...event, ranker: 'tiny', version }, 0);
      }),
    );
    const tables = await openLogTables({ log });
    const found = (until: number) => contaminated({ tables, experiment: 'longer', models, from: begin, to: until });
    try {
      expect(await found(Number.MAX_SAFE_INTEGER)).toMatchObject([
        { kind: 'mixed', arms: ['changed'], version: versions['changed'], own: 60, others: { control: 30 } },
      ]);
      expect(await found(begin + 8 * 86_400_000)).toMatchObject([{ kind: 'shared', version: first }]);
    } finally {
      await tables.close();
      await log.close();
    }
  }));
