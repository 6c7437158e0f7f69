import { WatchnextError } from '../errors.js';
import { nameHint } from '../nearest.js';
import type { Place } from './place.js';

/** What was asked for, and what there is. */
export interface Unserved {
  /** Undefined where none was named and there is no default. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly places: ReadonlyMap<string, Place>;
  /** Of the versions, for messages. */
  readonly folder: string;
}

/** Why nothing serves at all, with what to do about it. */
export const nothingServes = (
  places: Unserved['places'],
  folder: string,
): { readonly message: string; readonly hint: string } =>
  places.size === 0
    ? {
        message: `there is no ranker in ${folder} yet`,
        hint: '`watchnext train` fills it; --models names another folder',
      }
    : {
        message: `no ranker in ${folder} has an active version`,
        hint: 'POST /v1/models/<ranker>/activate names one',
      };

/** Why nothing answers such a request: ranker_unknown, request_invalid or not_ready. */
export const unserved = ({ name, version, places, folder }: Unserved): WatchnextError => {
  const problems = [{ path: 'models', ...nothingServes(places, folder) }];
  if (name === undefined) {
    const meant = [...places].flatMap(([ranker, place]) => (place.meant ? [ranker] : []));
    if (meant.length === 0)
      return new WatchnextError('not_ready', 'No ranker has a version that serves.', { problems });
    return new WatchnextError('request_invalid', 'Which ranker is not said, and there is no default.', {
      problems: [{ path: '/ranker', message: 'is missing', hint: `one of ${meant.join(', ')}` }],
    });
  }
  const place = places.get(name);
  if (place === undefined && places.size > 0) return unknownRanker(name, [...places.keys()]);
  const none = `Ranker ${name} has no version that serves.`;
  if (place === undefined) return new WatchnextError('not_ready', none, { problems });
  if (version !== undefined)
    return new WatchnextError('not_ready', `Version ${version} of ranker ${name} is not among those that serve.`);
  const { refused } = place;
  return new WatchnextError('not_ready', none, {
    ...(refused && { problems: [{ path: refused.version, message: refused.reason }] }),
  });
};

export const unknownRanker = (ranker: string, known: readonly string[]): WatchnextError =>
  new WatchnextError('ranker_unknown', 'There is no such ranker.', {
    problems: [{ path: '/ranker', message: `${ranker.slice(0, 100)} is not a ranker`, hint: nameHint(ranker, known) }],
  });
