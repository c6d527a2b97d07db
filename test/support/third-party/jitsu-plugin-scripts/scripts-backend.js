import { CONNECTION_NAME, inject, injectable, JitsuError, stableUuid } from '@jitsud/core/plugin';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export class ScriptsBackend {
  capabilities = { stopModes: ['destroy'], bootConfigurators: false };

  constructor(connectionName) {
    this.connectionName = connectionName;
  }

  // There is no connection: every command stands for itself.
  async connect() {}
  async close() {}

  async machine({ name, options }) {
    const problems = [];
    for (const key of ['up', 'down', 'status']) {
      if ((await shell(['-n', '-c', options[key]], { stdio: 'ignore' })) !== 0)
        problems.push(`${key}: not a shell command: ${options[key]}`);
    }
    if (problems.length > 0) {
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', `${name} cannot be run by scripts. ${problems.join('; ')}.`);
    }
    return new ScriptsMachine(stableUuid('scripts', this.connectionName, options.name), options);
  }
}

// Plain JavaScript has no decorators: this is what @injectable() and @inject(CONNECTION_NAME) do.
inject(CONNECTION_NAME)(ScriptsBackend, undefined, 0);
injectable()(ScriptsBackend);

class ScriptsMachine {
  constructor(id, options) {
    this.id = id;
    this.options = options;
  }

  async describe() {
    const { name, status } = this.options;
    const exit = await shell(['-c', status]);
    if (exit === 0) return { name, state: 'running' };
    if (exit === 1 || exit === 3) return { name, state: 'off' };
    return { name, state: 'unknown', detail: `its status command ended with ${exit}` };
  }

  async start() {
    if ((await this.describe()).state !== 'running') await this.#run(this.options.up);
  }

  async stop(_mode, signal) {
    if ((await this.describe()).state !== 'off') await this.#run(this.options.down, signal);
  }

  async #run(command, signal) {
    const exit = await shell(['-c', command], { signal });
    if (exit === 0) return;
    const message = `${this.options.name}: '${command}' ended with ${exit}; stderr of Jitsu has what it said.`;
    throw new JitsuError('JITSU_BACKEND_FAILED', message);
  }
}

/** Resolves to the exit status, or to the name of the signal that ended it. */
async function shell(words, options) {
  // In a session of its own, what it leaves running is out of reach of a Ctrl-C that is meant for Jitsu.
  const child = spawn('/bin/sh', words, { stdio: ['ignore', 'ignore', 'inherit'], detached: true, ...options });
  const [status, signal] = await once(child, 'exit');
  return status ?? signal;
}
