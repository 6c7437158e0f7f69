import type { RankerDefinition } from '../../src/definition/index.js';
import type { LogTables } from '../dataset/index.js';
import type { TaskScaling } from '../fit/index.js';
import { examinationByLists } from './lists.js';
import { biasShape } from '../../src/features/index.js';
import { listedValues, readOutcomes } from './outcomes.js';
import { examinationBySwaps } from './swaps.js';
import { examinationByTower } from './tower.js';
import type { Estimate, SwapEstimate } from './types.js';

/** How often each position is looked at, as one head's outcomes show it. */
export interface HeadExamination {
  readonly task: string;
  /** Only where this feature has this value; everywhere if left out. */
  readonly where?: Where;
  readonly positions: readonly PositionExamination[];
}

export interface Where {
  readonly feature: string;
  readonly value: string;
}

export interface PositionExamination {
  /** 1-based; the last one stands for all later ones too. */
  readonly position: number;
  /** Items shown there in the log. */
  readonly shown: number;
  /** Of positions from 2. */
  readonly swaps?: SwapEstimate;
  readonly tower?: Estimate;
  readonly lists?: Estimate;
  /** Of a simulated platform, whose law is known. */
  readonly truth?: number;
}

export interface ExaminationReport {
  readonly heads: readonly HeadExamination[];
  readonly requests: number;
  readonly swapRequests: number;
  /** How far an interval may reach from its estimate before more swaps are asked for. */
  readonly precision: number;
}

export interface ExamineOptions {
  readonly definition: RankerDefinition;
  /** The log; without it there is the tower alone. */
  readonly tables?: LogTables;
  /** The tower as it was sealed; without it there is the log alone. */
  readonly tower?: { readonly weights: Float32Array; readonly scaling: readonly TaskScaling[] };
  /** A category feature with listed values, each of which is reported by itself. */
  readonly by?: string;
  /** Of a simulated platform: how often a position is looked at where a feature has a value. */
  readonly truth?: (position: number, where: Where | undefined) => number;
  /** Positions told apart; as many as the definition's \`bias\` says if left out. */
  readonly positions?: number;
  /** 0.2 if left out. */
  readonly precision?: number;
}

const standardPositions = 40;

/** Examination by position from everything that there is: the log's swaps, its ordinary lists and the bias tower. */
export const examine = async (options: ExamineOptions): Promise<ExaminationReport> => {
  const { definition, by, precision = 0.2 } = options;
  const parts: Examined[] = [];
  if (by === undefined) parts.push(await examineWhere(options, undefined));
  else
    for (const value of listedValues(definition, by)) parts.push(await examineWhere(options, { feature: by, value }));
  return {
    heads: parts.flatMap(({ heads }) => heads),
    requests: parts.reduce((sum, { requests }) => sum + requests, 0),
    swapRequests: parts.reduce((sum, { swapRequests }) => sum + swapRequests, 0),
    precision,
  };
};

type Examined = Omit<ExaminationReport, 'precision'>;

const examineWhere = async (options: ExamineOptions, where: Where | undefined): Promise<Examined> => {
  const { definition, tables, tower, precision, truth } = options;
  const positions = options.positions ?? definition.bias?.positions ?? standardPositions;
  const stratum = where === undefined ? {} : { where };
  const outcomes = tables === undefined ? undefined : await readOutcomes({ tables, definition, positions, ...stratum });
  const shownCells = outcomes?.shownCells ?? askedCells(definition, where);
  const learned = tower === undefined ? undefined : examinationByTower(definition, { ...tower, shown: shownCells });
  const seen = (outcomes?.shown ?? []).findLastIndex((rows) => rows > 0) + 1;
  const last = Math.max(1, outcomes === undefined ? positions : seen);
  const heads = Object.keys(definition.tasks).map((task, index): HeadExamination => {
    const { swaps = [], cells = [] } = outcomes?.heads[index] ?? {};
    const bySwaps = examinationBySwaps(swaps, { positions, ...(precision === undefined ? {} : { precision }) });
    const byLists = examinationByLists(cells, positions);
    return {
      task,
      ...stratum,
      positions: Array.from({ length: last }, (_, at): PositionExamination => {
        const [ofSwaps, ofTower, ofLists] = [bySwaps[at - 1], learned?.[index]?.[at], byLists[at]];
        return {
          position: at + 1,
          shown: outcomes?.shown[at] ?? 0,
          ...(ofSwaps === undefined || outcomes === undefined ? {} : { swaps: ofSwaps }),
          ...(ofTower === undefined ? {} : { tower: ofTower }),
          ...(ofLists === undefined ? {} : { lists: ofLists }),
          ...(truth === undefined ? {} : { truth: truth(at + 1, where) }),
        };
      }),
    };
  });
  return { heads, requests: outcomes?.requests ?? 0, swapRequests: outcomes?.swapRequests ?? 0 };
};

/** [cells] 1 where the feature has the value, 0 elsewhere: all alike without a log that says how often each was shown. */
const askedCells = (definition: RankerDefinition, where: Where | undefined): number[] => {
  const { parts, cells } = biasShape(definition);
  const part = parts.findIndex(({ name }) => name === where?.feature);
  const asked = where === undefined ? -1 : listedValues(definition, where.feature).indexOf(where.value);
  const below = parts.slice(part + 1).reduce((product, { count }) => product * count, 1);
  return Array.from({ length: cells }, (_, cell) =>
    part < 0 || Math.floor(cell / below) % (parts[part]?.count ?? 1) === asked ? 1 : 0,
  );
};
