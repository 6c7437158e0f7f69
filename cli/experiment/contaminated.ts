import { openArtifacts } from '../../src/artifact/index.js';
import { sqlText, type LogTables } from '../../training/dataset/index.js';
import { contamination, type ContaminationFinding } from '../../training/stream/index.js';

export interface ContaminatedOptions {
  readonly tables: LogTables;
  readonly experiment: string;
  /** The folder of the versions. */
  readonly models: string;
  /** Event times that count, from <= time < to. */
  readonly from: number;
  readonly to: number;
}

/** What the models of an experiment's arms learned from one another: those that answered each arm's last list. */
export const contaminated = async (options: ContaminatedOptions): Promise<readonly ContaminationFinding[]> => {
  const { tables, experiment, models, from, to } = options;
  const arm = `arms[${sqlText(experiment)}]`;
  const rows = await tables.query(
    `SELECT ${arm} AS arm, arg_max(ranker, time) AS ranker, arg_max(version, time) AS version FROM lists
     WHERE ${arm} IS NOT NULL AND time >= ${from} AND time < ${to} GROUP BY 1 ORDER BY 1`,
  );
  const arms = Object.fromEntries(
    rows.map(({ arm: key, ranker, version }) => [String(key), { ranker: String(ranker), version: String(version) }]),
  );
  const known = await openArtifacts(models).list();
  const manifests = known.flatMap(({ versions }) => versions.flatMap(({ manifest }) => manifest ?? []));
  return contamination({ experiment, arms, manifests });
};
