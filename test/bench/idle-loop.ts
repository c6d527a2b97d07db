/** A process with nothing to do, which tells how late its event loop is: lag-comparison.ts asks it by IPC. */
import { LoopWatch } from './loop-watch.js';

let watch: LoopWatch | undefined;

process.on('message', () => {
  if (watch === undefined) {
    void LoopWatch.start().then((started) => {
      watch = started;
      process.send?.('started');
    });
  } else {
    void watch.end().then((lag) => process.send?.(lag));
    watch = undefined;
  }
});
