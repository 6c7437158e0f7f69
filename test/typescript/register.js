/**
 * `node --import ./test/typescript/register.js` lets plain Node, and every worker thread and child process it starts, run
 * the TypeScript sources: Jest's own transform does not reach worker threads, so tests of workers would need a build.
 */
import { register } from 'node:module';

register('./hooks.js', import.meta.url);
