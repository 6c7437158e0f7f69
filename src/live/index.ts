export { createLive, type Live, type LiveOptions, type SealedState } from './live.js';
