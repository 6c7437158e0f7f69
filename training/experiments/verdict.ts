import type { ExperimentAnalysis } from './analysis.js';
import type { Comparison, MetricAnalysis } from './comparison.js';
import { usersNeededSequentially } from './statistics/index.js';
import { amount, count, metricName, percent, percentDigits, range, signed, span } from './words.js';

export interface Verdict {
  readonly metric: string;
  readonly arm: string;
  /**
   * `better`, `worse`: there is an effect, for or against the metric's direction; `same`: none worth detecting; `early`: too
   * little is known; `silent`: there is nothing to judge by.
   */
  readonly finding: 'better' | 'worse' | 'same' | 'early' | 'silent';
  /** One sentence for people. */
  readonly text: string;
}

type Measured = Extract<Comparison, { kind: 'measured' }>;

/** Power with which "N more users" would tell the worthwhile effect. */
const power = 0.8;

/** One sentence per metric and arm, by the always-valid interval and its corrected p-value: it may be read at any time. */
export const verdicts = (analysis: ExperimentAnalysis): readonly Verdict[] =>
  analysis.metrics.flatMap((metric) =>
    metric.comparisons.map((comparison): Verdict => {
      const about = { metric: metric.rule.name, arm: comparison.arm };
      if (comparison.kind === 'silent')
        return {
          ...about,
          finding: 'silent',
          text: `nothing can be said of ${metricName(metric.rule)}: ${comparison.because}`,
        };
      return { ...about, ...judged(analysis, metric, comparison) };
    }),
  );

const judged = (
  analysis: ExperimentAnalysis,
  { rule }: MetricAnalysis,
  comparison: Measured,
): Pick<Verdict, 'finding' | 'text'> => {
  const { alpha, worthwhile } = analysis.settings;
  const { arm, best, corrected, unit } = comparison;
  const { value, sequential } = best;
  const [low, high] = sequential.interval;
  const name = metricName(rule);
  const show = unit === 'relative' ? percent : amount;
  const bounds = range([low, high], unit === 'relative' ? percentDigits : amount);
  if (corrected.sequential <= alpha && value !== 0) {
    const up = value > 0;
    const size = show(Math.abs(value));
    const sizes = up ? bounds : range([-high, -low], unit === 'relative' ? percentDigits : amount);
    return {
      finding: up === (rule.direction === 'up') ? 'better' : 'worse',
      text: `${arm} ${up ? 'raises' : 'lowers'} ${name} by ${size} (${sizes})`,
    };
  }
  if (unit === 'relative' && low > -worthwhile && high < worthwhile)
    return { finding: 'same', text: `${arm} changes ${name} by less than ${percent(worthwhile)} (${bounds})` };
  const sofar = `too early to say of ${name}: ${arm} is at ${signed(show(value))} (${bounds})`;
  return { finding: 'early', text: sofar + (unit === 'relative' ? moreUsers(analysis, comparison) : '') };
};

/** "; about N more users, D days at U a day, would tell 2.0 %". */
const moreUsers = ({ settings, usersPerDay }: ExperimentAnalysis, { best, users }: Measured): string => {
  const { alpha, worthwhile, tunedFor } = settings;
  const [control, arm] = users;
  const total = control + arm;
  const deviation = best.standardError / Math.sqrt(1 / control + 1 / arm);
  const needed = usersNeededSequentially(worthwhile, deviation, { alpha, power, shares: users, tunedFor });
  const more = needed - total;
  if (!Number.isFinite(more) || more <= 0) return '';
  const when = usersPerDay > 0 ? `, ${span(more / usersPerDay)} at ${count(usersPerDay)} a day,` : '';
  return `; about ${count(more)} more users${when} would tell ${percent(worthwhile)}`;
};
