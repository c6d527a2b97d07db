import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { libxlOptions } from '#libxl/libxl-options.js';
import { libxlProcesses } from '../../../../support/libxl/libxl-processes.js';
import { LibxlHost, optionsOf } from '../../../../support/libxl/libxl-host.js';
import { Dom0 } from '../../../../support/xen/dom0.js';
import type { MachinesById } from '../../../../support/machines-by-id.js';

const WARM_UP = 5;
const ROUNDS = 100;
/** So many rounds at once, as queries for several names would have it. */
const AT_ONCE = 5;

/** What libxl's process and the host have. */
interface Holdings {
  readonly pid: number;
  /** Resident memory, in KiB. */
  readonly memory: number;
  readonly handles: number;
  readonly keys: number;
  readonly domains: number;
}

describe('libxl, round after round', function () {
  this.timeout(900_000);
  let dom0: Dom0;
  let host: LibxlHost;
  let backend: MachinesById;

  before(async function () {
    dom0 = await Dom0.open(this);
    host = new LibxlHost();
    backend = host.machines();
    await backend.connect();
  });

  after(async () => {
    await backend.close();
    await dom0[Symbol.asyncDispose]();
    host[Symbol.dispose]();
  });

  it(`makes and destroys ${ROUNDS} guests, and nothing grows`, async () => {
    const ids = await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, index) => {
        const options = optionsOf(dom0.guest(`round-${index}`, { kernel: 'idle' }));
        return backend.register({ name: options.name, options: libxlOptions.parse(options) });
      }),
    );
    const rounds = async (number: number): Promise<void> => {
      for (let round = 0; round < number; round += AT_ONCE) {
        await Promise.all(ids.map((id) => backend.start(id)));
        await Promise.all(ids.map((id) => backend.stop(id, 'destroy', AbortSignal.timeout(60_000))));
        // Mocha is told that the run goes on.
        console.log(`${round + AT_ONCE} of ${number} rounds`);
      }
    };
    await rounds(WARM_UP);
    const before = await holdings(dom0);
    const began = performance.now();
    await rounds(ROUNDS);
    const took = performance.now() - began;
    const after = await holdings(dom0);
    console.log(`${ROUNDS} rounds in ${Math.round(took / 1000)} s`, { before, after });
    assert.equal(after.pid, before.pid, 'the process of libxl has died');
    assert.deepEqual(
      [after.handles, after.keys, after.domains],
      [before.handles, before.keys, before.domains],
      'handles, keys of xenstore, domains',
    );
    assert.ok(after.memory - before.memory < 8 * 1024, `${after.memory - before.memory} KiB more`);
  });
});

async function holdings(dom0: Dom0): Promise<Holdings> {
  const [pid = 0] = libxlProcesses();
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    pid,
    memory: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]),
    handles: readdirSync(`/proc/${pid}/fd`).length,
    keys: (await dom0.run('xenstore-ls', '-f', '/')).split('\n').length,
    domains: (await dom0.domains()).length,
  };
}
