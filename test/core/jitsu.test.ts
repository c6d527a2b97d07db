import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createJitsu, type Jitsu } from '#core/jitsu.js';
import { loadSettings } from '#core/load.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { queryBytes } from '../support/dns-message.js';
import { MemoryLogger } from '../support/memory-logger.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

async function aJitsu(folder: TemporaryFolder, clock: ManualClock, dns: object = {}): Promise<Jitsu> {
  const config = {
    dns: { bind: '127.0.0.1', port: 0, forwarders: 'off', transport: 'dgram', ...dns },
    control: { socket: folder.in('control.sock') },
    runtimeDirectory: folder.in('run'),
    unikernels: [],
  };
  const file = folder.in('jitsu.config.json');
  writeFileSync(file, JSON.stringify(config));
  const settings = await loadSettings({ directory: folder.path, file, words: [], flags: {} });
  return createJitsu(settings, { logger: new MemoryLogger(), clock });
}

describe('Jitsu', () => {
  it('is stopped for everybody who stops it at the same moment', async () => {
    using folder = new TemporaryFolder();
    const clock = new ManualClock();
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    const jitsu = await aJitsu(folder, clock, { forwarders: [`127.0.0.1:${silent.address().port}`] });
    await jitsu.start();
    const answered = jitsu.inject(queryBytes('www.example.test'));
    let isStopped = false;
    const stops = [jitsu.stop(), jitsu.stop().then(() => (isStopped = true))];
    await sleep(100);
    assert.equal(isStopped, false, 'a query is still being answered');
    await clock.advance(5_000);
    await Promise.all([...stops, answered]);
    assert.equal(isStopped, true);
    silent.close();
  });

  it('closes again what a start that failed had opened', async () => {
    using folder = new TemporaryFolder();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const jitsu = await aJitsu(folder, new ManualClock(), { port });
    await assert.rejects(jitsu.start(), { code: 'JITSU_LISTEN_FAILED' });
    assert.equal(existsSync(folder.in('control.sock')), false);
    other.close();
    await once(other, 'close');
    const next = await aJitsu(folder, new ManualClock(), { port });
    await next.start();
    await next.stop();
  });
});
