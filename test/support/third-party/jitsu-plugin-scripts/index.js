import { definePlugin } from '@jitsud/core/plugin';
import { z } from 'zod';
import { ScriptsBackend } from './scripts-backend.js';

export { ScriptsBackend };

const command = (description) =>
  z.string('A shell command expected.').min(1, 'A shell command expected.').describe(description);

export const scriptsOptions = z.object({
  name: z.string('A name expected.').min(1, 'A name expected.').describe('Name of the unikernel'),
  up: command('Starts it, and ends when it has been started'),
  down: command('Stops it, and ends when it has stopped'),
  status: command('Exit status 0: it runs; 1 or 3: it does not'),
});

export default definePlugin({
  name: 'scripts',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.backend({
      name: 'scripts',
      useClass: ScriptsBackend,
      description: 'Anything that shell commands can start and stop',
      unikernel: scriptsOptions,
    });
  },
});
