import assert from 'node:assert/strict';
import { SystemClock } from '#core/clock.js';
import type { PowerChange } from '#core/contracts/backend.js';
import type { MachineId, PowerState } from '#core/contracts/machine.js';
import { eventually } from '#core/testing/eventually.js';
import { XapiBackend } from '#xapi/xapi-backend.js';
import { connectionOptions, xapiOptions } from '#xapi/xapi-options.js';
import { MemoryLogger } from '../memory-logger.js';
import type { PoolEmulator } from './pool-emulator.js';
import { PoolServer, type ServerSettings } from './pool-server.js';
import { MachinesById } from '../machines-by-id.js';

/** A backend and the pool that it is to drive. Disposed, it makes sure that no call was refused by the data model. */
export class PoolStage implements AsyncDisposable {
  readonly logger = new MemoryLogger();
  readonly backend: MachinesById;
  readonly changes: PowerChange[] = [];

  private constructor(
    readonly server: PoolServer,
    options: object,
    clock: SystemClock,
  ) {
    const parsed = connectionOptions.parse({ connect: server.uri(), ...options });
    this.backend = new MachinesById(new XapiBackend(parsed, this.logger, clock));
    this.backend.watch((change) => this.changes.push(change));
  }

  /** Not yet connected. */
  static async open(
    settings: ServerSettings = {},
    options: object = {},
    clock = new SystemClock(),
  ): Promise<PoolStage> {
    return new PoolStage(await PoolServer.start(settings), options, clock);
  }

  get pool(): PoolEmulator {
    return this.server.pool;
  }

  /** Connects, and registers the VM of that name, which is added where the pool has none. */
  async with(name: string, options: object = {}): Promise<MachineId> {
    if (!this.pool.vms.has(name)) this.pool.addVm(name);
    await this.backend.connect();
    return this.register({ name, ...options });
  }

  register(options: { readonly name?: string }): Promise<MachineId> {
    return this.backend.register({ name: options.name ?? 'unnamed', options: xapiOptions.parse(options) });
  }

  async until(id: MachineId, state: PowerState): Promise<void> {
    await eventually(async () => assert.equal((await this.backend.describe(id)).state, state));
  }

  stop(id: MachineId, mode: string, patience = 10_000): Promise<void> {
    return this.backend.stop(id, mode, AbortSignal.timeout(patience));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend.close();
    await this.server[Symbol.asyncDispose]();
    assert.deepEqual(this.pool.refused, [], 'refused by the data model');
    assert.equal(this.pool.called('VM.destroy'), 0);
  }
}
