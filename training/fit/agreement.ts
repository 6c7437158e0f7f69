import { verifyGolden, type Golden } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import type { FeatureBatch } from '../../src/features/index.js';
import type { LabelScaling, TaskScaling } from './labels.js';
import { isRounded } from './serving.js';

export interface AgreementOptions {
  readonly definition: Pick<RankerDefinition, 'network' | 'tasks'>;
  readonly labelScaling: LabelScaling;
  /** Rows with the trainer's own values. */
  readonly golden: Golden;
  /** [rows, tasks] what will be served for them, in natural units. */
  readonly score: (batch: FeatureBatch) => Promise<Float32Array>;
}

/** Of a chance; more than that is no rounding but a mistake. */
const mostByRounding = 0.1;

/**
 * Throws artifact_damaged unless what will be served agrees with its trainer: to 1e-5, or nearly where the network is rounded. A
 * regression's unit may be anything: it is held to the same as a chance would be.
 */
export const verifyAgreement = async ({ definition, labelScaling, golden, score }: AgreementOptions): Promise<void> => {
  const tasks = Object.keys(definition.tasks);
  if (!isRounded(definition)) {
    await verifyGolden({ golden, tasks, score: async (batch) => ({ heads: await score(batch) }) });
    return;
  }
  const found = await score(golden.batch);
  const apart = golden.heads.map((head, at) => {
    const scaling = labelScaling[at % tasks.length] as TaskScaling;
    const difference = Math.abs(asChance(found[at] ?? Number.NaN, scaling) - asChance(head, scaling));
    return Number.isNaN(difference) ? Infinity : difference;
  });
  const worst = apart.reduce((most, difference, at) => (difference > (apart[most] ?? 0) ? at : most), 0);
  if (apart.length === 0 || (apart[worst] ?? 0) <= mostByRounding) return;
  const [row, task] = [Math.floor(worst / tasks.length), tasks[worst % tasks.length] ?? ''];
  const message = `${task} is ${found[worst]}, its trainer says ${golden.heads[worst]}`;
  throw new WatchnextError('artifact_damaged', `In int8 the network says something else than in float32: ${message}.`, {
    problems: [
      {
        path: `golden.bin row ${row} head ${task}`,
        message,
        hint: 'give numbers that reach far a min and max, or transform: log1p; or set network.precision to float32',
      },
    ],
  });
};

const asChance = (head: number, { kind, transform, mean, deviation }: TaskScaling): number => {
  if (kind === 'binary') return head;
  const value = transform === 'log1p' ? Math.log1p(head) : head;
  return 1 / (1 + Math.exp((mean - value) / deviation));
};
