import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Settings } from '@jitsud/core';
import { start } from '#cli/commands/start.js';
import { ControlClient } from '#core/control/control-client.js';
import { eventually } from '#core/testing/eventually.js';
import { askOverUdp } from '../../support/ask-over-udp.js';
import { capturedTerminal } from '../../support/captured-terminal.js';
import { ConfigFolder } from '../../support/config-folder.js';
import { fakeCore } from '../../support/fake-core.js';
import { spawnJitsu } from '../../support/jitsu-command.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { pluginPackageJson } from '../../support/plugin-source.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const CLOSED = 'all is closed';

describe('a start of Jitsu that comes to nothing', () => {
  it('is cleaned up after when a signal comes before it is complete', async () => {
    const { done, running } = await endedBeforeComplete(() => undefined);
    assert.equal(await running, 0);
    assert.deepEqual(done, ['signals heard', 'start', 'started', 'record removed', 'stopped', CLOSED]);
  });

  it('is stopped in order also where its record cannot be removed', async () => {
    const { done, running } = await endedBeforeComplete(() => {
      throw new Error('The disk is gone.');
    });
    await assert.rejects(running, /^Error: The disk is gone\.$/);
    assert.deepEqual(done, ['signals heard', 'start', 'started', 'record removed', 'stopped', CLOSED]);
  });

  async function endedBeforeComplete(onRecordRemoved: () => void) {
    const done: string[] = [];
    const settings = { controlSocket: '/c.sock', onExit: 'keep', unikernels: [], logLevel: 'info' };
    let begun = (): void => undefined;
    const core = fakeCore({
      loadSettings: () => Promise.resolve(settings as unknown as Settings),
      createLogger: () => new MemoryLogger(),
      defaultControlSocket: () => '/c.sock',
      recordRunning: () => ({
        [Symbol.dispose]: () => {
          done.push('record removed');
          onRecordRemoved();
        },
      }),
      createJitsu: () =>
        Promise.resolve({
          listening: [],
          running: [],
          udpTransport: 'dgram',
          foretoldUser: undefined,
          sharedEndpoints: [],
          knowsTraffic: () => false,
          portOf: () => undefined,
          check: async () => [],
          start: (opened) => {
            done.push('start');
            return new Promise<void>((resolve) => {
              begun = () => {
                done.push('started');
                opened?.();
                resolve();
              };
            });
          },
          stop: () => Promise.resolve(void done.push('stopped')),
        }),
    });
    const end = {
      requested: () => {
        done.push('signals heard');
        return Promise.resolve('SIGTERM' as const);
      },
      completed: () => void done.push(CLOSED),
    };
    const context = { core, terminal: capturedTerminal(), directory: '/', end, calledAs: 'jitsu' };
    const running = start(context, ['dns=a.test'], {});
    while (done.length < 2) await new Promise(setImmediate);
    begun();
    // In an object, as a promise by itself would be waited for.
    return { done, running };
  }

  it('ends by itself with status 1 where its port is in use', async () => {
    using folder = new TemporaryFolder();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const words = ['-x', 'process', '-l', String(port), '-f', '0.0.0.0', 'dns=a.test,ip=127.0.0.1,name=a,command=true'];
    const child = spawnJitsu(words, { cwd: folder.path, env: { RUNTIME_DIRECTORY: folder.in('run') } });
    const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
    other.close();
    assert.deepEqual([child.exitCode, child.signalCode], [1, null], stderr);
    assert.match(stderr, /jitsu: JITSU_LISTEN_FAILED {2}/);
  });

  it('ends by itself although a start of a unikernel hangs, and its backend does not get closed', async () => {
    const folder = await ConfigFolder.make({
      'node_modules/jitsu-plugin-hanging/package.json': pluginPackageJson('jitsu-plugin-hanging', {
        jitsu: { api: '^1.0.0', backends: ['hanging'] },
      }),
      'node_modules/jitsu-plugin-hanging/index.js': HANGING,
      'jitsu.config.json': JSON.stringify({
        dns: { bind: '127.0.0.1', port: 0, forwarders: 'off' },
        control: { socket: 'control.sock' },
        stop: { onExit: 'keep' },
        unikernels: [{ name: 'web', dns: 'web.test', ip: '127.0.0.1', backend: 'hanging', deadline: '300ms' }],
      }),
    });
    await folder.link('zod');
    const child = spawnJitsu(['start'], { cwd: folder.path, env: { RUNTIME_DIRECTORY: folder.join('run') } });
    try {
      let log = '';
      child.stderr.setEncoding('utf8').on('data', (part: string) => (log += part));
      const ended = once(child, 'close');
      const control = new ControlClient(folder.join('control.sock'));
      // A busy machine takes many seconds to start a process.
      const port = await eventually(async () => (await control.status()).listening[0]!.port, 60_000);
      assert.equal((await askOverUdp(port, 'web.test')).rcode, 'SERVFAIL');
      child.kill('SIGTERM');
      await ended;
      assert.deepEqual([child.exitCode, child.signalCode], [0, null], log);
      assert.match(log, /The backend hanging has not been closed within 5 s/);
    } finally {
      child.kill('SIGKILL');
      await folder.remove();
    }
  }).timeout(90_000);
});

/** A plugin with a backend whose machines never get started, and which never gets closed. */
const HANGING = `
  import { z } from 'zod';
  class Hanging {
    capabilities = { stopModes: ['destroy'], bootConfigurators: false };
    async connect() {}
    close() { return new Promise(() => {}); }
    async machine() {
      const describe = async () => ({ state: 'off' });
      const never = () => new Promise(() => {});
      return { id: '8f9d7a1e-30a2-4a3c-9f55-0f7a5c1f3b21', describe, start: never, stop: never };
    }
  }
  export default {
    name: 'jitsu-plugin-hanging',
    apiVersion: '^1.0.0',
    register: (registry) =>
      registry.backend({ name: 'hanging', useClass: Hanging, description: 'Hangs', unikernel: z.object({}) }),
  };`;
