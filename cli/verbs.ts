import type { Command } from 'commander';

/**
 * Commands in the order of --help. Only the one that is called is loaded: the service starts without training's packages,
 * and runs where they are not installed.
 */
export const verbs: Readonly<Record<string, () => Promise<Command>>> = {
  check: async () => (await import('./check.js')).checkCommand(),
  train: async () => (await import('./train.js')).trainCommand(),
  evaluate: async () => (await import('./evaluate.js')).evaluateCommand(),
  serve: async () => (await import('./serve.js')).serveCommand(),
  key: async () => (await import('./key.js')).keyCommand(),
  health: async () => (await import('./health.js')).healthCommand(),
  join: async () => (await import('./join.js')).joinCommand(),
  learn: async () => (await import('./learn.js')).learnCommand(),
  experiment: async () => (await import('./experiment.js')).experimentCommand(),
  tune: async () => (await import('./tune.js')).tuneCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  log: async () => (await import('./log.js')).logCommand(),
  inspect: async () => (await import('./inspect.js')).inspectCommand(),
  examination: async () => (await import('./examination.js')).examinationCommand(),
  export: async () => (await import('./export.js')).exportCommand(),
  simulate: async () => (await import('./simulate.js')).simulateCommand(),
  world: async () => (await import('./world.js')).worldCommand(),
  study: async () => (await import('./study.js')).studyCommand(),
  schema: async () => (await import('./schema.js')).schemaCommand(),
  metrics: async () => (await import('./metrics.js')).metricsCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
};
