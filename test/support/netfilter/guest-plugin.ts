/** A backend whose machines are guests in network namespaces: `guest-program`, cut off from one moment to the next. */
import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  CONNECTION_NAME,
  definePlugin,
  inject,
  stableUuid,
  z,
  type Backend,
  type Machine,
  type MachineDescription,
  type Registration,
  type StopMode,
} from '@jitsud/core/plugin';

const run = promisify(execFile);

const guestOptions = z.strictObject({
  name: z.string().describe('Name of the unikernel'),
  namespace: z.string().describe('The network namespace of the guest'),
  mac: z.string().describe('The MAC of its device'),
  pidFile: z.string().describe('Where its process is noted'),
  bootTime: z.number().default(0).describe('How long it takes until it listens, in milliseconds'),
  nextMac: z.string().optional().describe('The MAC of its device from its second start on'),
});

type GuestOptions = z.infer<typeof guestOptions>;

class GuestBackend implements Backend<GuestOptions> {
  readonly capabilities = { stopModes: ['destroy', 'shutdown', 'suspend'], bootConfigurators: false } as const;

  constructor(@inject(CONNECTION_NAME) private readonly connection: string) {}

  async connect(): Promise<void> {}
  async close(): Promise<void> {}

  async machine({ options }: Registration<GuestOptions>): Promise<Machine> {
    return new GuestMachine(stableUuid('guests', this.connection, options.name), options);
  }
}

class GuestMachine implements Machine {
  constructor(
    readonly id: string,
    private readonly options: GuestOptions,
  ) {}

  async describe(): Promise<MachineDescription> {
    const { name, pidFile } = this.options;
    const state = this.#pid() === undefined ? 'off' : existsSync(`${pidFile}.suspended`) ? 'suspended' : 'running';
    return { name, state, macs: [this.#mac()] };
  }

  async start(): Promise<void> {
    if (this.#pid() !== undefined) return;
    const { namespace, pidFile, bootTime } = this.options;
    const mac = this.#mac();
    if (mac !== this.options.mac) await run('ip', ['-n', namespace, 'link', 'set', 'eth0', 'address', mac]);
    const program = fileURLToPath(new URL('guest-program.js', import.meta.url));
    const output = openSync(`${pidFile}.log`, 'a');
    const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, program, 'eth0', String(bootTime)], {
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    child.unref();
    writeFileSync(pidFile, String(child.pid));
    writeFileSync(`${pidFile}.started`, '');
  }

  async resume(): Promise<void> {
    const pid = this.#pid();
    if (pid === undefined) return this.start();
    // It has its device come up again.
    process.kill(pid, 'SIGCONT');
    rmSync(`${this.options.pidFile}.suspended`, { force: true });
  }

  unpause(): Promise<void> {
    return this.start();
  }

  async stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    const pid = this.#pid();
    if (pid === undefined) return;
    const { namespace, pidFile } = this.options;
    if (mode === 'shutdown') {
      process.kill(pid, 'SIGTERM');
      while (existsSync(`/proc/${pid}`) && !signal.aborted) await sleep(5);
      if (signal.aborted) return this.stop('destroy', new AbortController().signal);
    }
    // Nobody hears of the end of the connections of one that is cut off.
    await run('ip', ['-n', namespace, 'link', 'set', 'eth0', 'down']);
    if (mode === 'suspend') {
      process.kill(pid, 'SIGSTOP');
      writeFileSync(`${pidFile}.suspended`, '');
      return;
    }
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
    // Until it has ended it listens, and the next one may find its port in use. Whose parent has died may stay in the list
    // of processes.
    for (let looks = 0; looks < 400 && existsSync(`/proc/${pid}`); looks += 1) await sleep(5);
    for (const file of [pidFile, `${pidFile}.suspended`]) rmSync(file, { force: true });
  }

  #mac(): string {
    const { mac, nextMac = mac, pidFile } = this.options;
    return existsSync(`${pidFile}.started`) ? nextMac : mac;
  }

  #pid(): number | undefined {
    if (!existsSync(this.options.pidFile)) return undefined;
    const pid = Number(readFileSync(this.options.pidFile, 'latin1'));
    return existsSync(`/proc/${pid}`) ? pid : undefined;
  }
}

// eslint-disable-next-line no-restricted-exports -- this is how a plugin is found
export default definePlugin({
  name: 'guests',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.backend({
      name: 'guests',
      useClass: GuestBackend,
      description: 'Guests in network namespaces',
      unikernel: guestOptions,
    });
  },
});
