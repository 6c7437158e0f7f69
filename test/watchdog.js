import { Session } from 'node:inspector';
import { writeSync } from 'node:fs';
import { setTimeout } from 'node:timers';
import { workerData } from 'node:worker_threads';

/**
 * Runs beside a suite in a thread of its own and ends the process of a suite that goes on for too long: a test that never
 * gives its thread back is past every timeout of Jest, and the whole run would wait for it for ever. Says first where it was.
 */
const { suite, limitMs } = workerData;
const say = (text) => writeSync(2, `${text}\n`);

setTimeout(() => {
  say(`\n${suite} has run for ${limitMs / 1000} s and is ended; its thread was`);
  const session = new Session();
  session.connectToMainThread();
  session.on('Debugger.paused', ({ params }) => {
    for (const { functionName, url, location } of params.callFrames.slice(0, 20))
      say(`  in ${functionName || '(anonymous)'} ${url}:${location.lineNumber + 1}`);
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
  session.post('Runtime.evaluate', { expression: 'process.getActiveResourcesInfo().join(" ")' }, (_, answer) =>
    say(`  waiting for ${answer?.result?.value}`),
  );
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 5000);
}, limitMs);
