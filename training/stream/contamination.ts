import { rowsByArm, sealedVersion, sourcesOf, type Manifest, type Sources } from '../../src/artifact/index.js';

export interface ContaminationOptions {
  readonly experiment: string;
  /** By arm's key, what serves it; a version with updates (`v+17`) is known by what was sealed. */
  readonly arms: Readonly<Record<string, { readonly ranker: string; readonly version: string }>>;
  /** Of the versions that serve, in any order; others are passed over. */
  readonly manifests: readonly Pick<Manifest, 'ranker' | 'version' | 'trainer'>[];
  /** The largest share of rows of other arms that is no finding; 0.1 if left out. */
  readonly mostShare?: number;
}

/** Something about an arm's model that a reader of the experiment must know. */
export interface ContaminationFinding {
  /**
   * `mixed`: it learned more than the stated share of the experiment's rows from arms that something else serves.
   * `shared`: one model serves several arms. `unknown`: its version is not there to be looked at.
   */
  readonly kind: 'mixed' | 'shared' | 'unknown';
  /** The keys of the arms that the model serves. */
  readonly arms: readonly string[];
  readonly ranker: string;
  readonly version: string;
  /** Of the experiment's rows that it learned: those of its own arms, and by key those of the others. */
  readonly own: number;
  readonly others: Readonly<Record<string, number>>;
  /** Of the others among all; 0 where it learned none. */
  readonly share: number;
  /** For people. */
  readonly message: string;
}

const usualShare = 0.1;

/**
 * Whether what arms show was learned from one another. The rows of an arm carry what its ranker chose to show; a ranker of
 * another arm that learns from them becomes more like it, and the experiment finds less than there is. In the order of the
 * arms.
 */
export function contamination(options: ContaminationOptions): ContaminationFinding[] {
  const { experiment, arms, manifests, mostShare = usualShare } = options;
  const served = Object.entries(arms).map(([arm, { ranker, version }]) => ({
    arm,
    ranker,
    version: sealedOf(version),
  }));
  return distinct(served).flatMap(({ ranker, version }): ContaminationFinding[] => {
    const own = served.filter((each) => each.ranker === ranker && each.version === version).map(({ arm }) => arm);
    const model = { arms: own, ranker, version };
    const manifest = manifests.find((each) => each.ranker === ranker && each.version === version);
    if (manifest === undefined) return [unknown(model)];
    const found: ContaminationFinding[] = [];
    const learned = learnedOf(experiment, sourcesOf(manifest) ?? {});
    const counted = split(learned, own);
    if (counted.share > mostShare) found.push(mixed(experiment, { ...model, ...counted }));
    if (own.length > 1) found.push(shared({ ...model, ...counted }));
    return found;
  });
}

/**
 * The same as a learner can tell by itself: experiments in which it learned more than a share of the rows from arms that
 * other rankers served and this one did not.
 */
export function mixedExperiments(
  ranker: string,
  sources: Sources,
  mostShare = usualShare,
): { readonly experiment: string; readonly own: number; readonly others: Readonly<Record<string, number>> }[] {
  const mine = new Set(Object.keys(sources[ranker]?.arms ?? {}));
  const experiments = new Set([...mine].map((arm) => arm.slice(0, arm.lastIndexOf('/'))));
  return [...experiments].flatMap((experiment) => {
    const learned = learnedOf(experiment, sources);
    const ofThis = [...learned.keys()].filter((arm) => mine.has(`${experiment}/${arm}`));
    const { own, others, share } = split(learned, ofThis);
    return share > mostShare ? [{ experiment, own, others }] : [];
  });
}

/** "b 4,100, c 20" */
export const rowsText = (rows: Readonly<Record<string, number>>): string =>
  Object.entries(rows)
    .map(([arm, count]) => `${arm} ${whole(count)}`)
    .join(', ');

type Model = Pick<ContaminationFinding, 'arms' | 'ranker' | 'version'>;
type Counted = Pick<ContaminationFinding, 'own' | 'others' | 'share'>;

/** By the key of the experiment's arms: rows learned. */
function learnedOf(experiment: string, sources: Sources): ReadonlyMap<string, number> {
  const prefix = `${experiment}/`;
  return new Map(
    [...rowsByArm(sources)].flatMap(([arm, rows]) =>
      arm.startsWith(prefix) ? [[arm.slice(prefix.length), rows]] : [],
    ),
  );
}

function split(learned: ReadonlyMap<string, number>, ownArms: readonly string[]): Counted {
  const others = Object.fromEntries([...learned].filter(([arm]) => !ownArms.includes(arm)));
  const foreign = Object.values(others).reduce((sum, rows) => sum + rows, 0);
  const own = ownArms.reduce((sum, arm) => sum + (learned.get(arm) ?? 0), 0);
  return { own, others, share: foreign === 0 ? 0 : foreign / (own + foreign) };
}

/** Each model once, in the order of its first arm. */
const distinct = <T extends Pick<Model, 'ranker' | 'version'>>(served: readonly T[]): T[] =>
  served.filter(
    ({ ranker, version }, at) => served.findIndex((each) => each.ranker === ranker && each.version === version) === at,
  );

const mixed = (experiment: string, finding: Model & Counted): ContaminationFinding => ({
  ...finding,
  kind: 'mixed',
  message:
    `${nameOf(finding)} learned ${Math.round(100 * finding.share)} % of its rows of ${experiment} from arms that it does not ` +
    `serve (${rowsText(finding.others)}; its own: ${whole(finding.own)}). It grows like what serves them, so the arms differ by ` +
    `less than they would. Let it learn its own arms alone: stream.arms.include: ` +
    `[${finding.arms.map((arm) => `${experiment}/${arm}`).join(', ')}].`,
});

const shared = (finding: Model & Counted): ContaminationFinding => ({
  ...finding,
  kind: 'shared',
  message:
    `${nameOf(finding)} serves the arms ${finding.arms.join(', ')} alike and learns from all of them: only what else sets them ` +
    'apart (weights, exploration, limits) can show, not what each would have learned alone.',
});

const unknown = (model: Model): ContaminationFinding => ({
  ...model,
  kind: 'unknown',
  own: 0,
  others: {},
  share: 0,
  message: `${nameOf(model)} is not in the models folder: what it learned from cannot be told.`,
});

const nameOf = ({ ranker, version, arms }: Model): string => `${ranker}@${version} (${arms.join(', ')})`;

const sealedOf = (version: string): string => sealedVersion(version);

const whole = (count: number): string => count.toLocaleString('en-US');
