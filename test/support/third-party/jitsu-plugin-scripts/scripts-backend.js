import { CONNECTION_NAME, inject, injectable, JitsuError, MachineById } from '@jitsud/core/plugin';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';

export class ScriptsBackend {
  capabilities = { stopModes: ['destroy'], bootConfigurators: false };
  #unikernels = new Map();
  #turns = new Map();

  constructor(connectionName) {
    this.connectionName = connectionName;
  }

  // There is no connection: every command stands for itself.
  async connect() {}
  async close() {}

  async register({ name, options }) {
    const problems = [];
    for (const key of ['up', 'down', 'status']) {
      if ((await shell(['-n', '-c', options[key]], { stderr: 'ignore' })) !== 0)
        problems.push(`${key}: not a shell command: ${options[key]}`);
    }
    if (problems.length > 0) {
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', `${name} cannot be run by scripts. ${problems.join('; ')}.`);
    }
    const id = stableId(`${this.connectionName}/${options.name}`);
    this.#unikernels.set(id, options);
    return id;
  }

  async machine(registration) {
    return new MachineById(this, await this.register(registration));
  }

  async describe(id) {
    const { name, status } = this.#unikernel(id);
    const exit = await shell(['-c', status]);
    if (exit === 0) return { name, state: 'running', macs: [] };
    if (exit === 1 || exit === 3) return { name, state: 'off', macs: [] };
    return { name, state: 'unknown', macs: [], detail: `its status command ended with ${exit}` };
  }

  async start(id) {
    const { up } = this.#unikernel(id);
    await this.#inTurn(id, async () => {
      if ((await this.describe(id)).state !== 'running') await this.#run(id, up);
    });
  }

  // What runs by scripts is never suspended or paused.
  async resume(id) {
    this.#unikernel(id);
  }

  async unpause(id) {
    this.#unikernel(id);
  }

  async stop(id, mode, signal) {
    const { down } = this.#unikernel(id);
    if (!this.capabilities.stopModes.includes(mode)) {
      throw new JitsuError(
        'JITSU_STOP_MODE_UNSUPPORTED',
        `The scripts backend cannot stop by '${mode}', only by 'destroy'.`,
      );
    }
    await this.#inTurn(id, async () => {
      if ((await this.describe(id)).state !== 'off') await this.#run(id, down, signal);
    });
  }

  // One command at a time: who asks for the same as another finds it done already.
  async #inTurn(id, action) {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(action);
    this.#turns.set(
      id,
      turn.catch(() => undefined),
    );
    await turn;
  }

  async #run(id, command, signal) {
    const exit = await shell(['-c', command], { signal });
    if (exit === 0) return;
    const { name } = this.#unikernel(id);
    throw new JitsuError(
      'JITSU_BACKEND_FAILED',
      `${name}: '${command}' ended with ${exit}; stderr of Jitsu has what it said.`,
    );
  }

  #unikernel(id) {
    const unikernel = this.#unikernels.get(id);
    if (unikernel) return unikernel;
    throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', `The scripts backend has no unikernel ${id}.`);
  }
}

// Plain JavaScript has no decorators: this is what @injectable() and @inject(CONNECTION_NAME) do.
inject(CONNECTION_NAME)(ScriptsBackend, undefined, 0);
injectable()(ScriptsBackend);

/** Resolves to the exit status, or to the name of the signal that ended it. */
async function shell(words, { signal, stderr = 'inherit' } = {}) {
  // In a session of its own, what it leaves running is out of reach of a Ctrl-C that is meant for Jitsu.
  const child = spawn('/bin/sh', words, { stdio: ['ignore', 'ignore', stderr], detached: true });
  const kill = () => child.kill();
  signal?.addEventListener('abort', kill, { once: true });
  const [status, name] = await once(child, 'exit');
  signal?.removeEventListener('abort', kill);
  signal?.throwIfAborted();
  return status ?? name;
}

/** The same name always gets the same uuid, also after a restart. */
function stableId(name) {
  const hex = createHash('sha1').update(`scripts ${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
