/**
 * A unikernel that writes a key into its own place in the store: `node key-writer.js KEY DELAY`, the delay in
 * milliseconds. Its process id stands for the domain id.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '#core/clock.js';
import { Xenstore } from '@jitsud/xenstore';
import { MemoryLogger } from '../memory-logger.js';

const [key = '', delay = '0'] = process.argv.slice(2);
await sleep(Number(delay));
await using xenstore = await Xenstore.open({ clock: new SystemClock(), logger: new MemoryLogger() });
await xenstore.write(`/local/domain/${process.pid}/${key}`, String(Date.now()));
await sleep(600_000);
