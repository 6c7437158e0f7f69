import { intervalText, publishedText, replicatesFor, type JudgedClaim } from '../../training/studies/index.js';

/** How many of the claims hold here, then each; where nothing can be told, what it would take. */
export const summarise = (claims: readonly JudgedClaim[]): string[] => {
  const counted = (verdict: JudgedClaim['verdict']): JudgedClaim[] =>
    claims.filter((claim) => claim.verdict === verdict);
  const [follows, opposite, open] = [counted('follows'), counted('opposite'), counted('open')];
  return [
    `Of ${claims.length} published differences ${follows.length} show here, ${opposite.length} are the other way round, ${open.length} cannot be told from none.`,
    ...follows.map((claim) => `Shows here: ${told(claim)}.`),
    ...opposite.map((claim) => `**The other way round here**: ${told(claim)}.`),
    ...open.map((claim) => `**Does not show here**: ${told(claim)}${effort(claim)}.`),
  ];
};

const told = (claim: JudgedClaim): string =>
  `${claim.says}: ${intervalText(claim.effect.expected)}, published ${publishedText(claim)}`;

const effort = ({ published, ruledOut, effect }: JudgedClaim): string => {
  if (ruledOut) return '; one of that size is ruled out here';
  const worlds = replicatesFor(effect.expected, published);
  return worlds === undefined
    ? ''
    : `; to show one of that size would take about ${Number(worlds.toPrecision(2)).toLocaleString('en-US')} worlds`;
};
