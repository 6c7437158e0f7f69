import { labelRules, type LabelRule, type RankerDefinition } from '../definition/index.js';
import type { Labels } from '../features/index.js';

/** One task's label: what feedback makes of it. */
export interface TaskLabel extends LabelRule {
  readonly binary: boolean;
  /** Index of the task whose positive label this one awaits; -1 if none. */
  readonly when: number;
  /** Learned at once as a negative, and again when the positive comes: it waits for nothing. */
  readonly atOnce: boolean;
  /** Whether feedback of a kind that is read can be used with this value. */
  accepts(value: number | undefined): boolean;
}

/**
 * A ranker's labels, per row [tasks]: first as feedback makes them (`raw`), then as they count: NaN where the task's `when`
 * is not positive, which may wait for another in turn, exactly as in training from files.
 */
export interface LabelBook {
  readonly tasks: readonly TaskLabel[];
  /** [tasks] of a row of which nothing is known yet: binary 0, regression NaN. */
  readonly nothing: Float32Array;
  /** Sets raw[at ..] to [rows, tasks] of which nothing is known yet. */
  begin(raw: Float32Array, at: number, rows: number): void;
  /** The tasks that read a kind of feedback. */
  readonly readers: ReadonlyMap<string, readonly number[]>;
  /** What feedback does to raw[at + task]. */
  take(raw: Float32Array, at: number, change: { task: number; value: number | undefined }): void;
  /** The label of a task in the row at raw[at ..], as it counts. */
  counted(raw: Float32Array, at: number, task: number): number;
  /** All of the row's labels as they count, by task. */
  named(raw: Float32Array, at: number): Labels;
}

/** Labels of binary tasks count as positive from here on. */
const positiveFrom = 0.5;

export function createLabelBook(definition: RankerDefinition): LabelBook {
  const names = Object.keys(definition.tasks);
  const tasks = labelRules(definition).map((rule): TaskLabel => {
    const { kind, transform, when } = definition.tasks[rule.task] ?? {};
    const least = transform === 'log1p' ? 0 : Number.NEGATIVE_INFINITY;
    return {
      ...rule,
      binary: kind === 'binary',
      when: when === undefined ? -1 : names.indexOf(when),
      atOnce: rule.late === 'fake-negative-weighted',
      accepts: (value) =>
        kind === 'binary' || (value !== undefined && Number.isFinite(Math.fround(value)) && value >= least),
    };
  });
  const readers = new Map<string, number[]>();
  tasks.forEach(({ on }, task) => {
    for (const kind of new Set(on)) readers.set(kind, [...(readers.get(kind) ?? []), task]);
  });
  const nothing = Float32Array.from(tasks, ({ binary }) => (binary ? 0 : Number.NaN));
  const counted = (raw: Float32Array, at: number, task: number): number => {
    const when = tasks[task]?.when ?? -1;
    if (when >= 0 && !(counted(raw, at, when) > positiveFrom)) return Number.NaN;
    return raw[at + task] ?? Number.NaN;
  };
  return {
    tasks,
    readers,
    nothing,
    counted,
    begin(raw, at, rows) {
      const { length } = nothing;
      for (let start = at; start < at + rows * length; start += length) {
        for (let task = 0; task < length; task++) raw[start + task] = nothing[task] ?? 0;
      }
    },
    take(raw, at, { task, value = 0 }) {
      const rule = tasks[task];
      const before = raw[at + task] ?? Number.NaN;
      if (rule === undefined) return;
      if (rule.binary) raw[at + task] = 1;
      else if (Number.isNaN(before) || rule.take === 'last') raw[at + task] = value;
      else if (rule.take === 'largest') raw[at + task] = Math.max(before, value);
      else if (Number.isFinite(Math.fround(before + value))) raw[at + task] = before + value;
    },
    named(raw, at) {
      const labels: Record<string, number> = {};
      for (let task = 0; task < tasks.length; task++) labels[names[task] ?? ''] = counted(raw, at, task);
      return labels;
    },
  };
}
