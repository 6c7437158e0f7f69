/** One line of YAML per feature kind; together they are features of one valid ranker. */
export const featureExamples: Readonly<Record<string, string>> = {
  id: 'item_id: {kind: id, scope: candidate, dim: 16, min_count: 2}',
  category: 'device: {kind: category, scope: context, values: [phone, tablet, tv]}',
  number: 'minutes: {kind: number, scope: candidate, transform: log1p, max: 600}',
  time: 'age: {kind: time, scope: candidate, unit: age, from: published_at}',
  ids: 'tags: {kind: ids, scope: candidate, dim: 8, last: 20}',
  vector: 'title_vector: {kind: vector, scope: candidate, width: 64}',
  history: 'watched: {kind: history, scope: user, of: item_id, on: click, last: 50, shares: item_id}',
  rate: 'author_rate: {kind: rate, scope: candidate, key: [user_id, author_id], of: [click, watch], half_life: 7d}',
  count: 'shown: {kind: count, scope: candidate, key: item_id, half_life: 1d}',
};

/** By part of the definition. */
export const partExamples: Readonly<Record<string, string>> = {
  tasks: `tasks:
  click: {kind: binary, label: clicked}
  watch: {kind: regression, label: seconds, transform: log1p, when: click, weight: 0.5}`,
  network: 'network: {kind: mmoe, experts: 8, expert_layers: [128, 64], towers: [32], dropout: 0.1}',
  bias: 'bias: {features: [position, device], positions: 20, dropout: 0.1}',
  score: 'score: {form: product, weights: {click: 1, watch: 0.5}, bounds: {watch: [0, 2]}}',
  training: `training:
  epochs: 3
  reinitialise_embeddings: true
  validation: 1d
  optimizer: {kind: adam, rate: 0.001, schedule: linear}
  embeddings: {kind: lazy_adam, rate: 0.001}
  feedback_delay: 1d`,
  labels: `labels:
  click: {wait: 2m}
  watch: {on: [watch, heartbeat], take: largest, wait: 30m, late: supplement}`,
  metrics: `metrics:
  watch_time: {of: watch, take: sum, several: largest, direction: up}
  clicks_per_list: {of: click, take: count, per: request, direction: up}
  dismissals: {of: dismiss, take: count, direction: down, guardrail: 0.02}
  completion: {of: watch, take: mean, several: largest, over: minutes, direction: up}`,
  stream: `stream:
  out_of_order: 2s
  publish: 5s
  seal: 1h
  arms: {include: [network/wide], weights: {exploration/more: 0.5}}
  rankers: [films_wide]
  gate: {auc_drop: 0.02}`,
};

/** What a table of keys cannot say, by part. */
export const partNotes: Readonly<Record<string, string>> = {
  features: `A map from the name of a feature to what it is. \`kind\` and \`scope\` are always needed. How each kind is read,
encoded and updated, and what a missing value becomes: [features.md](features.md).`,
  bias: `What is shown first is clicked more because it is shown first. A log cannot tell that from being good, and a ranker that
learns from its own log would confirm its own order. Use one of three treatments whenever the log has positions (the column
\`position\`, 1 is the first place) and the order shown was not random; leave \`bias\` out for none. No request needs a position.

- \`kind: tower\`, the default: in training it adds to the output of each task a weight that depends only on \`position\`, crossed
  with for example the device, so that the network need not explain it. It is shallow, a table of weights. The service ranks
  without it, as if every candidate stood in the same place. It learns next to much quicker embeddings: with less than some
  thousand steps give it \`rate: 10\`, or what it is slow to explain is learned as being good.
- \`kind: input\`: the network takes the position as an input, as one of \`positions\` places or missing. The service ranks as if every
  candidate stood in the first place, or with \`serve_as: missing\` as if nobody knew.
- \`kind: adversarial\`: a head beside the network learns to tell the position from what all tasks share, and its gradient is turned
  around on the way down, so that the shared layers carry as little of the position as they can. The service ranks without the
  head. Too large a \`weight\` costs accuracy: candidates are shown high because they are good, and what tells that is hidden too.

With \`dropout\` some rows are learned without their position, which keeps the network from leaving everything to it. Rows whose
position is missing are learned without it too. What was learned can be read: \`watchnext examination\`.`,
  training: `How to choose by the size of the log:

| rows | \`batch\` | \`epochs\` | \`validation\` |
|---|---|---|---|
| 10 thousand | 256 | 5 to 20, with \`patience: 2\` | 0.2: less is too few rows to decide on. Small networks, \`dim\` of 4 to 8, \`dropout\`; features such as \`rate\` learn more than ids do |
| 1 million | 1024 | 1, or 2 to 3 with \`reinitialise_embeddings\` | 0.1 or the last day |
| 100 million | 4096 to 8192, with \`warmup_steps: 1000\` and about twice the learning rate | 1 | the last day or 0.01. \`min_count\` of 2 to 5 and \`expire\` bound the tables |

These are starting points; \`watchnext evaluate\` decides. What is held out is not learned: once \`epochs\` is settled, leave
\`validation\` out, so that the newest day is learned too. More on what happens in training: [training.md](training.md).`,
  metrics: `What \`watchnext experiment report\` compares the arms by; nothing is trained anew when it changes.
\`per: user\` gives means over the users of an arm; the others are ratios of two such means, with intervals that know that a user’s lists and items belong together. How they are read: [experiments.md](experiments.md).`,
};
