import { ProcessBackend } from '#process/process-backend.js';
import { processOptions } from '#process/process-options.js';
import { SystemClock } from '#core/clock.js';
import { SealableSpawner } from '#core/plugin-kit/sealable-spawner.js';
import { MemoryLogger } from './memory-logger.js';

/**
 * A Jitsu that starts a program and is then killed with SIGKILL, as a Node process of its own:
 * `node start-and-crash.js RUNTIME_DIRECTORY OPTIONS_AS_JSON`.
 */
const [, , folder = '', json = '{}'] = process.argv;
const options = processOptions.parse(JSON.parse(json));
const backend = new ProcessBackend(new MemoryLogger(), new SystemClock(), folder, 'process', new SealableSpawner());
await backend.connect();
const machine = await backend.machine({ name: options.name, options });
await machine.start();
process.kill(process.pid, 'SIGKILL');
