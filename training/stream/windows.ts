import { sealedVersion } from '../../src/artifact/index.js';
import { streamSettings, type RankerDefinition } from '../../src/definition/index.js';
import { decodeFrame, encodeFrame, requestStarts } from '../../src/features/index.js';
import { measureHeads, type HeadColumns } from './measures.js';
import type { HeadMeasures, JudgedRows } from './types.js';
import { createAnchorSample, type AnchorCounters } from './windows-anchor.js';
import { bytesOf, concatJudged, decodeJudged, encodeJudged, selectJudged, wordsOf } from './windows-rows.js';

/**
 * Whose predictions are measured; by version and by arm: what was served, over their rows alone. `sealed` is a version
 * with all its deltas.
 */
export type MeasuredBy =
  'learner' | 'served' | { readonly version: string } | { readonly sealed: string } | { readonly arm: string };

/**
 * What came lately with what was predicted of it: the last rows, and an older sample against which it shows when something
 * is wrong with the new ones. A function of the rows added and of their order alone.
 */
export interface Windows {
  /** Keeps the rows: who adds them must not change them afterwards. Nothing is measured here. */
  add(judged: JudgedRows): void;
  /** Rows kept. */
  readonly rows: number;
  /**
   * The last whole requests that make up at least this many rows; all that are kept if there are fewer, or if left out.
   * `of` takes only those that a version served.
   */
  newest(rows?: number, of?: (version: string) => boolean): JudgedRows;
  /**
   * A sample of what is older than the newest 2 × `stream.gate.rows` rows, at most `stream.gate.rows` of them: even over the
   * first hundred times as many, from then on the older a request the less likely it is still there. None in the beginning.
   */
  anchor(): JudgedRows;
  measures(options: { readonly by: MeasuredBy }): HeadMeasures;
  /** What served the rows kept, in the order in which each first did. */
  versions(): readonly string[];
  /** As "experiment/arm". */
  arms(): readonly string[];
  snapshot(): Uint8Array;
  /** Goes on exactly as the windows that were written down would have. */
  restore(snapshot: Uint8Array): void;
}

export interface WindowsOptions {
  readonly definition: RankerDefinition;
  /** How many rows are kept; `stream.window` if left out. */
  readonly rows?: number;
  /** What the anchor starts with: rows that were learned before. */
  readonly anchor?: JudgedRows;
}

/** What was added at once. */
interface Part {
  readonly judged: JudgedRows;
  /** Requests that have left the newest part and were offered to the anchor. */
  aged: number;
  /** Requests that have left the window. */
  gone: number;
}

const format = { magic: 'WNWD', version: 1, what: 'learning windows' };

interface Header {
  /** Requests of the window that were offered to the anchor. */
  readonly aged: number;
  readonly anchor: AnchorCounters;
}

export const createWindows = ({ definition, ...options }: WindowsOptions): Windows => {
  const { window, gate } = streamSettings(definition);
  const most = options.rows ?? window;
  /** As much as is judged lies between what is judged and what it is held against. */
  const newestRows = Math.min(most, 2 * gate.rows);
  const anchor = createAnchorSample({ seed: definition.training?.seed ?? 1, capacity: gate.rows });
  let parts: Part[] = [];
  let rows = 0;
  let rowsNotAged = 0;

  const age = (): void => {
    for (const part of parts) {
      for (; part.aged < part.judged.batch.requests; part.aged++) {
        const size = rowsOf(part.judged, part.aged);
        if (rowsNotAged - size < newestRows) return;
        rowsNotAged -= size;
        anchor.offer(part.judged, part.aged);
      }
    }
  };

  const evict = (): void => {
    for (let oldest = parts[0]; oldest !== undefined; oldest = parts[0]) {
      for (; oldest.gone < oldest.judged.batch.requests; oldest.gone++) {
        const size = rowsOf(oldest.judged, oldest.gone);
        if (rows - size < most) return;
        rows -= size;
      }
      parts.shift();
    }
  };

  const newest = (wanted = Infinity, of: (version: string) => boolean = () => true): JudgedRows => {
    const found: JudgedRows[] = [];
    let count = 0;
    for (const { judged, gone } of parts.toReversed()) {
      const taken: number[] = [];
      for (let request = judged.batch.requests - 1; request >= gone && count < wanted; request--) {
        if (!of(judged.versions[request] ?? '')) continue;
        taken.push(request);
        count += rowsOf(judged, request);
      }
      const whole = taken.length === judged.batch.requests;
      if (taken.length > 0) found.push(whole ? judged : selectJudged(judged, taken.reverse()));
      if (count >= wanted) break;
    }
    return concatJudged(found.reverse());
  };

  const restart = (window: JudgedRows, aged: number): void => {
    parts = window.batch.requests === 0 ? [] : [{ judged: window, aged, gone: 0 }];
    rows = window.batch.rows;
    rowsNotAged = rows - (requestStarts(window.batch)[aged] ?? 0);
  };

  if (options.anchor !== undefined) anchor.restore(options.anchor, { seen: options.anchor.batch.rows, draws: 0 });
  return {
    add(judged) {
      if (judged.batch.requests === 0) return;
      parts.push({ judged, aged: 0, gone: 0 });
      rows += judged.batch.rows;
      rowsNotAged += judged.batch.rows;
      age();
      evict();
    },
    get rows() {
      return rows;
    },
    newest,
    anchor: () => anchor.rows(),
    measures: ({ by }) => measureHeads(definition, columnsOf(parts, by)),
    versions: () => [...new Set(parts.flatMap(({ judged, gone }) => judged.versions.slice(gone)))],
    arms: () => [...new Set(parts.flatMap(({ judged, gone }) => judged.arms.slice(gone).flat()))],
    snapshot() {
      const aged = parts.reduce((sum, part) => sum + part.aged - part.gone, 0);
      const header: Header = { aged, anchor: anchor.counters };
      return encodeFrame(format, header, [wordsOf(encodeJudged(newest())), wordsOf(encodeJudged(anchor.rows()))]);
    },
    restore(snapshot) {
      const frame = decodeFrame(snapshot, format);
      const header = frame.header as Header;
      const [window, sample] = [decodeJudged(bytesOf(frame.next('u32'))), decodeJudged(bytesOf(frame.next('u32')))];
      restart(window, header.aged);
      anchor.restore(sample, header.anchor);
    },
  };
};

const rowsOf = ({ batch }: JudgedRows, request: number): number => {
  const starts = requestStarts(batch);
  return (starts[request + 1] ?? 0) - (starts[request] ?? 0);
};

/** Labels and the predictions asked for, without features. */
const columnsOf = (parts: readonly Part[], by: MeasuredBy): HeadColumns => {
  const columns: { labels: number[]; heads: number[] } = { labels: [], heads: [] };
  for (const { judged, gone } of parts) {
    const heads = by === 'learner' ? judged.predicted : judged.served;
    const starts = requestStarts(judged.batch);
    const tasks = judged.labels.length / Math.max(1, judged.batch.rows);
    for (let request = gone; request < judged.batch.requests; request++) {
      if (typeof by === 'object' && !belongs(judged, request, by)) continue;
      const end = (starts[request + 1] ?? 0) * tasks;
      for (let at = (starts[request] ?? 0) * tasks; at < end; at++) {
        columns.labels.push(judged.labels[at] ?? Number.NaN);
        columns.heads.push(heads[at] ?? Number.NaN);
      }
    }
  }
  return { labels: Float32Array.from(columns.labels), heads: Float32Array.from(columns.heads) };
};

const belongs = ({ versions, arms }: JudgedRows, request: number, by: Exclude<MeasuredBy, string>): boolean => {
  if ('arm' in by) return arms[request]?.includes(by.arm) === true;
  const version = versions[request] ?? '';
  return 'version' in by ? version === by.version : sealedVersion(version) === by.sealed;
};
