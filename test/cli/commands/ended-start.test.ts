import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Settings } from '@jitsud/core';
import { start } from '#cli/commands/start.js';
import { capturedTerminal } from '../../support/captured-terminal.js';
import { fakeCore } from '../../support/fake-core.js';
import { spawnJitsu } from '../../support/jitsu-command.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('a start of Jitsu that comes to nothing', () => {
  it('is cleaned up after when a signal comes before it is complete', async () => {
    const { done, running } = await endedBeforeComplete(() => undefined);
    assert.equal(await running, 0);
    assert.deepEqual(done, ['signals heard', 'start', 'started', 'record removed', 'stopped']);
  });

  it('is stopped in order also where its record cannot be removed', async () => {
    const { done, running } = await endedBeforeComplete(() => {
      throw new Error('The disk is gone.');
    });
    await assert.rejects(running, /^Error: The disk is gone\.$/);
    assert.deepEqual(done, ['signals heard', 'start', 'started', 'record removed', 'stopped']);
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
          udpTransport: 'dgram',
          start: () => {
            done.push('start');
            return new Promise<void>((resolve) => {
              begun = () => {
                done.push('started');
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
});
