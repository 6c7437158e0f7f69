import { nameHint } from '../nearest.js';
import type { Found } from './explain.js';
import type { RankerDefinition } from './schema.js';

/** What there is to say of a name that should be a task's. */
export const unknownTask = (definition: RankerDefinition, path: readonly (string | number)[], task: string): Found[] =>
  Object.hasOwn(definition.tasks, task)
    ? []
    : [{ path, message: `there is no task "${task}"`, hint: nameHint(task, Object.keys(definition.tasks)) }];
