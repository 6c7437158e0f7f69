import { labelRules, metricRules, type MetricRule, type RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import { nameHint } from '../../src/nearest.js';

/** The two measures that weights are tuned for. */
export interface Aims {
  readonly engagement: MetricRule;
  readonly satisfaction: MetricRule;
}

/**
 * The metrics of these names; left out, the first that is made of what a task of the group learns from, watching before others.
 * Throws `usage` for a name that there is not, and where a metric does not add up over what was shown: what one item brings can
 * be weighted, whether a user did anything at all cannot.
 */
export const chooseAims = (
  definition: RankerDefinition,
  named: { readonly engagement?: string | undefined; readonly satisfaction?: string | undefined },
): Aims => {
  const rules = metricRules(definition);
  const additive = rules.filter(addsUp);
  const names = additive.map(({ name }) => name);
  const choose = (group: keyof Aims, taken?: string): MetricRule => {
    const name = named[group];
    if (name !== undefined) {
      const rule = rules.find((each) => each.name === name);
      if (rule === undefined)
        throw new WatchnextError('usage', `--${group} ${name}: ${definition.name} has no such metric`, {
          problems: [{ path: `--${group}`, message: `no metric "${name}"`, hint: nameHint(name, names) }],
        });
      if (!addsUp(rule))
        throw new WatchnextError('usage', `--${group} ${name} does not add up over what was shown`, {
          problems: [
            {
              path: `--${group}`,
              message: `takes "any" per ${rule.per}: what each item brings cannot be told apart`,
              hint: `a metric with take: any per impression, or take: count; there is ${names.join(', ') || 'none'}`,
            },
          ],
        });
      return rule;
    }
    const kinds = labelRules(definition).flatMap(({ task, on }) => (definition.tasks[task]?.group === group ? on : []));
    const fitting = additive.filter(({ name: each, of }) => each !== taken && of.some((kind) => kinds.includes(kind)));
    const chosen = fitting.find(({ of, take }) => of.includes('watch') && take === 'sum') ?? fitting[0];
    if (chosen !== undefined) return chosen;
    throw new WatchnextError('usage', `${definition.name} has no metric of ${group}`, {
      problems: [
        {
          path: `--${group}`,
          message: `no task of the group ${group} has a metric`,
          hint: `name one: ${names.join(', ') || 'declare metrics in ranker.yaml first'}`,
        },
      ],
    });
  };
  const engagement = choose('engagement');
  return { engagement, satisfaction: choose('satisfaction', engagement.name) };
};

const addsUp = ({ take, per }: MetricRule): boolean => take !== 'any' || per === 'impression';
