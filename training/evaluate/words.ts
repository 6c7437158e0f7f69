/** What each measure says, for people who do not rank for a living; docs/training.md has the same. */
export const measureWords: Readonly<Record<string, string>> = {
  auc: 'how often a row with the outcome is predicted higher than one without it: 0.5 is guessing, 1 is always',
  groupedAuc: 'the same among the rows of one user on one day, which is what ordering a list takes',
  logLoss: 'how surprised the prediction is by what happened, in nats: lower is better',
  normalisedEntropy: 'log loss over that of always saying the mean: below 1 something was learned',
  calibrationRatio: 'predicted outcomes over those that happened: at 1.1 they are predicted a tenth too often',
  calibrationError: 'how far predicted and observed shares are apart on average, over 15 groups of like predictions',
  ndcg10: 'how near the best order the first ten of a list come, with its outcomes on top: 1 is the best',
  mse: 'mean squared error, of log(1 + x) where the task has transform: log1p: lower is better',
  mae: 'mean absolute error in the unit of the label: lower is better',
  xauc: 'how often of two rows the larger one is predicted larger: 0.5 is guessing',
};

/** What a ranker stands beside in a table. */
export const baselineWords: Readonly<Record<string, string>> = {
  constant: 'always says the mean of the training part',
  rates: 'the mean of the user’s and the item’s outcomes so far: what counting can do',
  single_task: 'a network of the same size for each task alone',
};

/** The measures that a table has, explained as a list in Markdown. */
export const legend = (measures: readonly string[]): string =>
  measures.map((name) => `- **${name}**: ${measureWords[name] ?? ''}`).join('\n');
