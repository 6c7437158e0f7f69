import { intervalText, type JudgedClaim } from '../../training/studies/index.js';

/** How many of the claims hold here, then each that does not, and what would be needed where nothing can be told. */
export const summarise = (claims: readonly JudgedClaim[]): string[] => {
  const counted = (verdict: JudgedClaim['verdict']): JudgedClaim[] =>
    claims.filter((claim) => claim.verdict === verdict);
  const [follows, opposite, open] = [counted('follows'), counted('opposite'), counted('open')];
  return [
    `Of ${claims.length} published differences ${follows.length} show here, ${opposite.length} are the other way round, ${open.length} cannot be told.`,
    ...follows.map(({ says, effect }) => `As published: ${says}, ${intervalText(effect.expected)}.`),
    ...opposite.map(
      ({ says, published, effect }) => `Not as published (${published}): ${says}? ${intervalText(effect.expected)}.`,
    ),
    ...open.map(
      ({ says, published, effect }) =>
        `Cannot be told (published ${published}): ${says}? ${intervalText(effect.expected)}.`,
    ),
  ];
};
