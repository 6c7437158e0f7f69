import { readFileSync } from 'node:fs';
import { Copy, DockerfileParser, From, type Instruction } from 'dockerfile-ast';

export interface Step {
  readonly keyword: string;
  /** Without the flags of the instruction itself; continued lines are joined. */
  readonly text: string;
  /** Of COPY: the stage that it takes from, undefined for the build’s context. */
  readonly from?: string;
  /** Of COPY: what it takes; the last is where it goes. */
  readonly paths: readonly string[];
  /** Of ENTRYPOINT, CMD and HEALTHCHECK in their JSON form. */
  readonly words: readonly string[];
}

export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly steps: readonly Step[];
}

export const dockerfileText = readFileSync('Dockerfile', 'utf8');

const read = (instruction: Instruction): Step => {
  const copy = instruction instanceof Copy ? instruction : undefined;
  const words = instruction.getArguments().map((word) => word.getValue());
  const [json] = /\[.*\]$/.exec(words.join(' ')) ?? [];
  const from = copy?.getFromFlag()?.getValue() ?? undefined;
  return {
    keyword: instruction.getKeyword(),
    text: words.join(' '),
    ...(from !== undefined && { from }),
    paths: copy === undefined ? [] : words,
    words: json === undefined ? [] : (JSON.parse(json) as string[]),
  };
};

/** The stages in their order; what comes before the first FROM is in none. */
export const stages: readonly Stage[] = (() => {
  const found: { name: string; base: string; steps: Step[] }[] = [];
  for (const instruction of DockerfileParser.parse(dockerfileText).getInstructions()) {
    if (instruction instanceof From) {
      found.push({ name: instruction.getBuildStage() ?? '', base: instruction.getImage() ?? '', steps: [] });
    } else found.at(-1)?.steps.push(read(instruction));
  }
  return found;
})();

const stageNamed = (name: string): Stage => {
  const stage = stages.find((one) => one.name === name);
  if (stage === undefined) throw new Error(`the Dockerfile has no stage ${name}`);
  return stage;
};

/** The steps of a stage after those of the stages that it is built on. */
export const stepsOf = (name: string, args: Readonly<Record<string, string>> = { DEVICE: 'cpu' }): readonly Step[] => {
  const { base, steps } = stageNamed(name);
  const resolved = base.replace(/\$\{(\w+)\}/g, (_, arg: string) => args[arg] ?? '');
  return [...(stages.some((one) => one.name === resolved) ? stepsOf(resolved, args) : []), ...steps];
};

/** Variables that ENV sets in what is built. */
export const environmentOf = (name: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    stepsOf(name)
      .filter(({ keyword }) => keyword === 'ENV')
      .flatMap(({ text }) => [...text.matchAll(/(\w+)=(\S+)/g)].map(([, key, value]) => [key!, value!] as const)),
  );

/** What the last step of this kind says. */
export const lastOf = (name: string, keyword: string): Step | undefined =>
  stepsOf(name).findLast((step) => step.keyword === keyword);
