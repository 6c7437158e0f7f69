import { WatchnextError } from '../src/errors.js';

/** `ranker` or `ranker@version`. */
export const parseReference = (text: string): { readonly ranker: string; readonly version: string | undefined } => {
  const [ranker = '', version, more] = text.split('@');
  if (ranker === '' || version === '' || more !== undefined) {
    throw new WatchnextError('usage', `"${text}" names no version: write ranker or ranker@version`);
  }
  return { ranker, version };
};
