import { openArtifacts, type Golden, type Manifest, type RankerVersions } from '../artifact/index.js';
import type { LoadableModel } from './session.js';
import { answerCalls } from './thread.js';

/** The thread that reads sealed versions: hashing and parsing them would hold up requests. */
export type VersionCalls = {
  readonly list: { readonly ask: string; readonly answer: readonly RankerVersions[] };
  readonly read: { readonly ask: Named; readonly answer: VersionContent };
  readonly activate: { readonly ask: Named; readonly answer: undefined };
  readonly rollback: { readonly ask: { readonly directory: string; readonly ranker: string }; readonly answer: string };
};

export interface Named {
  readonly directory: string;
  readonly ranker: string;
  readonly version: string;
}

/** A sealed version as it travels between threads: tables by handle, the rest by value. */
export interface VersionContent extends LoadableModel {
  readonly manifest: Manifest;
  readonly state: Uint8Array;
  readonly golden: Golden;
}

answerCalls<VersionCalls>({
  list: (directory) => openArtifacts(directory).list(),
  read: async ({ directory, ranker, version }) => {
    const { manifest, definition, parameters, graph, state, golden, tables } = await openArtifacts(directory).load(
      ranker,
      version,
    );
    const handles = new Map([...tables].map(([name, table]) => [name, table.share()]));
    return { manifest, definition, parameters, graph, state, golden, tables: handles };
  },
  activate: async ({ directory, ranker, version }) => {
    await openArtifacts(directory).activate(ranker, version);
    return undefined;
  },
  rollback: ({ directory, ranker }) => openArtifacts(directory).rollback(ranker),
});
