import { sealedVersion, type Artifacts } from '../../src/artifact/index.js';
import { featureFingerprint, type RankerDefinition } from '../../src/definition/index.js';
import type { Served } from './learner.js';

export interface AgreementOptions {
  readonly definition: RankerDefinition;
  readonly artifacts: Pick<Artifacts, 'list'>;
  /** Told once of each definition whose lists are passed over, and of each version that is not here. */
  readonly onTrouble: (message: string) => void;
}

/**
 * Whether other rankers' lists were served with this definition's features, as the manifests of their versions say. What
 * serves is sealed before and never changes, so the answer is the same whenever it is asked for.
 */
export function createAgreement({
  definition,
  artifacts,
  onTrouble,
}: AgreementOptions): (of: Served) => Promise<boolean> {
  const own = featureFingerprint(definition);
  /** By definition, as its fingerprint names it. */
  const known = new Map<string, boolean>();
  const missing = new Set<string>();
  const find = async ({ ranker, fingerprint }: Served): Promise<boolean | undefined> => {
    const versions = (await artifacts.list()).find((each) => each.ranker === ranker)?.versions ?? [];
    const found = versions.find(({ manifest }) => manifest?.fingerprint === fingerprint)?.manifest;
    return found === undefined ? undefined : featureFingerprint(found.definition.value) === own;
  };
  return async (served) => {
    const { ranker, version, fingerprint } = served;
    const answer = known.get(fingerprint);
    if (answer !== undefined) return answer;
    const sealed = `${ranker}@${sealedVersion(version)}`;
    if (missing.has(sealed)) return false;
    const found = await find(served);
    if (found === undefined) {
      missing.add(sealed);
      onTrouble(`Lists that ${sealed} served are not learned from: that version is not in this models folder.`);
      return false;
    }
    known.set(fingerprint, found);
    if (!found)
      onTrouble(`Lists that ${sealed} served are not learned from: its features are not those of ${definition.name}.`);
    return found;
  };
}
