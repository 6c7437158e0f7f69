import type { Found } from './explain.js';
import type { RankerDefinition } from './schema.js';

const armForm = /^[^/]+\/[^/]+$/;

/** Which rows the stream teaches: by arms and by who served them. */
export const checkLearned = ({ name, stream = {} }: RankerDefinition): Found[] => {
  const { arms = {}, rankers = [] } = stream;
  const { include, exclude = [], weights = {} } = arms;
  const found: Found[] = [];
  rankers.forEach((ranker, index) => {
    if (ranker === name)
      found.push({
        path: ['stream', 'rankers', index],
        message: `"${ranker}" is this ranker`,
        hint: 'its own lists are always learned from: name others, or leave it out',
      });
  });
  exclude.forEach((arm, index) => {
    if (include?.includes(arm) === true)
      found.push({
        path: ['stream', 'arms', 'exclude', index],
        message: `"${arm}" is in include, too`,
        hint: 'an arm is one or the other',
      });
  });
  for (const arm of Object.keys(weights)) {
    const path = ['stream', 'arms', 'weights', arm];
    if (!armForm.test(arm))
      found.push({
        path,
        message: `"${arm}" is not an arm, written as experiment/arm`,
        hint: 'both keys as experiments.json has them',
      });
    else if (exclude.includes(arm))
      found.push({ path, message: `"${arm}" is excluded: its weight has no effect`, hint: 'remove one of the two' });
  }
  return found;
};
