import assert from 'node:assert/strict';
import { TextIndex } from '#core/collections/text-index.js';
import type { ConnectionSettings } from '#core/config/settings.js';
import type { Machine } from '#core/contracts/machine.js';
import { Strays } from '#core/fleet/strays.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { Life } from '../../support/life.js';
import { MemoryLogger } from '../../support/memory-logger.js';

/** What an earlier Jitsu has started by these names, none of which is configured. */
class Left implements Disposable {
  readonly life = new Life();
  readonly logger = new MemoryLogger();
  readonly machines = new TextIndex<Unikernel>();
  readonly unikernels = new TextIndex<Unikernel>();
  readonly connections = [{ name: 'fake', contribution: { defaultStopMode: 'shutdown' } }];
  readonly usualStop: { grace: number; mode?: string } = { grace: 7_000 };
  readonly strays = new Strays(
    { connections: this.connections as unknown as ConnectionSettings[], usualStop: this.usualStop },
    { unikernels: this.unikernels, on: () => this.machines },
    this.life.lifecycle,
    this.logger,
  );

  async found(...names: string[]): Promise<Unikernel[]> {
    const { hypervisor } = this.life.backend;
    for (const name of names) {
      const { id } = hypervisor.define(name);
      hypervisor.change(id, 'running');
      Object.assign(hypervisor.machines.get(id)!, { startedAs: { version: 1, addresses: ['192.0.2.9'] } });
    }
    await this.life.backend.connect();
    await this.strays.find(this.life.guarded);
    await this.life.lifecycle.follow('fake', this.life.guarded, this.machines);
    return [...this.strays.values()];
  }

  get lines(): string[] {
    return this.logger.entries.map(({ message }) => message);
  }

  [Symbol.dispose](): void {
    this.life[Symbol.dispose]();
  }
}

describe('what an earlier Jitsu has started and nobody has configured', () => {
  it('is told at the start with its name and the command that stops it, and not as adopted', async () => {
    using left = new Left();
    const [old] = await left.found('old');
    assert.deepEqual(left.lines, [
      'old was started by an earlier Jitsu and runs as 1, but it is not in the configuration any more. "jitsu stop old" stops it; nothing else does.',
    ]);
    assert.deepEqual(left.life.story(), []);
    const { name, state, phase, addresses, domainId, names } = left.life.lifecycle.status(old!);
    assert.deepEqual(
      [name, state, phase, addresses, domainId, names],
      ['old', 'running', 'running', ['192.0.2.9'], 1, []],
    );
  });

  it('is never stopped by itself, whatever happens to it', async () => {
    using left = new Left();
    const [old] = await left.found('old');
    await left.life.clock.advance(86_400_000);
    left.life.backend.hypervisor.change(old!.plan.id, 'paused');
    await left.life.clock.advance(1_000);
    left.life.backend.hypervisor.change(old!.plan.id, 'running');
    await left.life.clock.advance(86_400_000);
    assert.deepEqual([left.life.calls('stop'), left.life.calls('start'), old!.state], [[], [], 'running']);
  });

  it('is stopped by command, in the usual mode of its backend, and is none then', async () => {
    using left = new Left();
    const [old] = await left.found('old');
    assert.equal(left.strays.get('old'), old);
    assert.equal(left.strays.get(old!.plan.id.toUpperCase()), old);
    await left.life.stop(old!);
    assert.deepEqual([left.life.calls('stop'), old!.state], [['stop old shutdown'], 'off']);
    assert.deepEqual([left.strays.get('old'), [...left.strays.values()]], [undefined, []]);
    assert.deepEqual(left.life.story(), ['stopping', 'stopped']);
  });

  it('is stopped in the mode of stop.mode where its backend has that', async () => {
    using left = new Left();
    left.usualStop.mode = 'destroy';
    const [old] = await left.found('old');
    await left.life.stop(old!);
    assert.deepEqual(left.life.calls('stop'), ['stop old destroy']);
  });

  it('is none once it has ended by itself', async () => {
    using left = new Left();
    const [old] = await left.found('old');
    left.life.backend.kill(old!.plan.id);
    await left.life.clock.advance(10);
    assert.deepEqual([[...left.strays.values()], left.life.story()], [[], ['died']]);
  });

  it('has its id for a name where a configured unikernel has that name', async () => {
    using left = new Left();
    const namesake = { plan: { id: 'another', backendName: 'other' } } as unknown as Unikernel;
    left.unikernels.set('old', namesake);
    const [old] = await left.found('old');
    assert.deepEqual([old!.name, left.strays.get('old'), left.strays.get(old!.name)], [old!.plan.id, undefined, old]);
    assert.match(left.lines[0]!, /\(once old\)/);
  });

  it('has the name of its own unikernel while its backend cannot take it over, and is that one afterwards', async () => {
    using left = new Left();
    const own = { plan: { id: '', backendName: 'fake' } } as unknown as Unikernel;
    left.unikernels.set('old', own);
    const [old] = await left.found('old');
    assert.equal(left.strays.get('old'), old);
    assert.match(left.lines[0]!, /^old was started .* but its backend cannot take it over\. "jitsu stop old"/);
    left.machines.set(old!.plan.id, own);
    assert.deepEqual([left.strays.get('old'), [...left.strays.values()]], [undefined, []]);
  });

  it('is nothing of which there is a unikernel, and nothing that is off', async () => {
    using left = new Left();
    const { id } = left.life.backend.hypervisor.define('web');
    left.machines.set(id, { state: 'running' } as unknown as Unikernel);
    await left.life.backend.connect();
    left.life.backend.hypervisor.change(id, 'running');
    const { id: ended } = left.life.backend.hypervisor.define('ended');
    const describe = async () => ({ state: 'off' as const });
    const machine = (id: string) => ({ id, describe, start: describe, stop: describe }) as unknown as Machine;
    left.life.backend.strays = async () => [
      { name: 'web', machine: machine(id) },
      { name: 'ended', machine: machine(ended) },
    ];
    await left.strays.find(left.life.guarded);
    assert.deepEqual([...left.strays.values()], []);
    assert.deepEqual(left.lines, []);
  });

  it('is not known where its backend fails to tell it, which is no reason not to start', async () => {
    using left = new Left();
    left.life.backend.strays = async () => [{ name: 'old' }] as never;
    assert.deepEqual(await left.found(), []);
    assert.match(
      left.lines[0]!,
      /^The backend fake fails to tell what runs that is not configured any more: its machine is/,
    );
  });
});
