import { openArtifacts, type Artifacts, type Manifest, type RankerVersions } from '../artifact/index.js';
import { createChains, type AdvanceOptions, type Chains, type Place, type Update } from './chains.js';
import { giveWay } from './give-way.js';
import type { LoadableModel } from './session.js';
import { answerCalls } from './thread.js';

/** The thread that reads versions: hashing, parsing and changing tables would hold up requests. */
export type VersionCalls = {
  readonly list: { readonly ask: InFolder; readonly answer: readonly RankerVersions[] };
  readonly read: { readonly ask: Named; readonly answer: VersionContent };
  readonly advance: { readonly ask: InFolder & AdvanceOptions; readonly answer: Update | undefined };
  readonly release: { readonly ask: InFolder & { readonly place: Place }; readonly answer: undefined };
  readonly activate: { readonly ask: Named; readonly answer: undefined };
  readonly rollback: { readonly ask: InFolder & { readonly ranker: string }; readonly answer: string };
};

interface InFolder {
  readonly directory: string;
}
interface Named extends InFolder {
  readonly ranker: string;
  readonly version: string;
}

/** A version as it travels between threads: tables by handle, the graph in shared memory, the rest by value. */
export interface VersionContent extends LoadableModel {
  readonly manifest: Manifest;
  readonly state: Uint8Array;
  /** Where it stands in its chain, and its golden rows. */
  readonly opened: Update;
}

// It does in one piece what requests would wait for.
giveWay();

const startedMs = Date.now();
const folders = new Map<string, { readonly artifacts: Artifacts; readonly chains: Chains }>();
const inFolder = (directory: string): { readonly artifacts: Artifacts; readonly chains: Chains } => {
  const known = folders.get(directory);
  if (known !== undefined) return known;
  const artifacts = openArtifacts(directory);
  const folder = { artifacts, chains: createChains(artifacts, startedMs) };
  folders.set(directory, folder);
  return folder;
};

answerCalls<VersionCalls>({
  list: async ({ directory }) => {
    const rankers = await inFolder(directory).artifacts.list();
    // Asked for every second by who needs no manifests: of many versions they would be megabytes.
    return rankers.map(({ versions, ...ranker }) => ({
      ...ranker,
      versions: versions.map(({ version }) => ({ version })),
    }));
  },
  read: async ({ directory, ranker, version }) => {
    const { artifact, opened } = await inFolder(directory).chains.open(ranker, version);
    const { manifest, definition, parameters, state } = artifact;
    const { graph = artifact.graph, tables } = opened;
    return { manifest, definition, parameters, state, graph, tables, opened };
  },
  advance: ({ directory, ...options }) => inFolder(directory).chains.advance(options),
  release: ({ directory, place }) => {
    inFolder(directory).chains.release(place);
    return undefined;
  },
  activate: async ({ directory, ranker, version }) => {
    await inFolder(directory).artifacts.activate(ranker, version);
    return undefined;
  },
  rollback: ({ directory, ranker }) => inFolder(directory).artifacts.rollback(ranker),
});
