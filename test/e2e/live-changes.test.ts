import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createJitsu, loadSettings, type Jitsu, type UnikernelConfig } from '#core/index.js';
import { eventually } from '#core/testing/eventually.js';
import { askOverUdp } from '../support/ask-over-udp.js';
import { MemoryLogger } from '../support/memory-logger.js';
import { RunningJitsu } from '../support/running-jitsu.js';
import { TemporaryFolder } from '../support/temporary-folder.js';
import { UDP_TRANSPORTS } from '../support/udp-transports.js';

const PROGRAM = fileURLToPath(new URL('../support/served-program.js', import.meta.url));

for (const transport of UDP_TRANSPORTS) {
  describe(`programs that are added, changed and removed while Jitsu runs (${transport})`, function () {
    this.timeout(60_000);
    let folder: TemporaryFolder;
    let jitsu: Jitsu;
    const killed = new Set<number>();

    /** A unikernel that is a program of this test. */
    const aProgram = (name: string, ttl: number): UnikernelConfig & { readonly ip: string } => {
      const ip = String(RunningJitsu.aUnikernel(name)['ip']);
      const command = [process.execPath, PROGRAM, folder.in('runs'), ip, '8080'];
      return { name, dns: `${name}.test`, ip, ttl, ready: 'tcp:8080', backend: 'process', command };
    };
    const ask = async (name: string): Promise<string> => {
      const { rcode, addresses } = await askOverUdp(jitsu.listening[0]!.port, name);
      return addresses[0] ?? rcode;
    };
    const pidOf = (name: string): number => {
      const { unikernels, strays = [] } = jitsu.controls.status();
      const pid = [...unikernels, ...strays].find((one) => one.name === name)?.domainId ?? 0;
      if (pid > 0) killed.add(pid);
      return pid;
    };

    beforeEach(async () => {
      folder = new TemporaryFolder();
      chmodSync(folder.path, 0o711);
      const config = {
        dns: {
          bind: '127.0.0.1',
          port: 0,
          transport,
          forwarders: 'off',
          zones: [{ name: 'test', authoritative: true }],
        },
        stop: { policies: ['ttl'], grace: 1 },
        backend: 'process',
        control: { socket: folder.in('control.sock') },
        runtimeDirectory: folder.in('run'),
        unikernels: [],
      };
      mkdirSync(folder.in('runs'));
      const file = folder.in('jitsu.config.json');
      writeFileSync(file, JSON.stringify(config));
      const settings = await loadSettings({ directory: folder.path, file, words: [], flags: {} });
      jitsu = await createJitsu(settings, { logger: new MemoryLogger() });
      await jitsu.start();
    });

    afterEach(async () => {
      await jitsu.stop();
      for (const pid of killed) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended.
        }
      }
      killed.clear();
      folder[Symbol.dispose]();
    });

    it('starts what is added when it is asked for, and leaves it running when it is removed', async () => {
      const web = aProgram('web', 1);
      assert.equal(await ask('web.test'), 'NXDOMAIN');
      await jitsu.add(web);
      assert.equal(await ask('web.test'), web.ip);
      // From the packet cache.
      assert.equal(await ask('web.test'), web.ip);
      const pid = pidOf('web');
      await jitsu.remove('web');
      assert.equal(await ask('web.test'), 'NXDOMAIN');
      const answer = await fetch(`http://${web.ip}:8080/`);
      assert.equal(Number(await answer.text()), pid);
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      process.kill(pid, 0);
      await jitsu.add(web);
      assert.equal(await ask('web.test'), web.ip);
      assert.equal(pidOf('web'), pid);
      await eventually(() => assert.equal(pidOf('web'), 0), 20_000);
    });

    it('answers for other names at once, and takes another command at the next boot', async () => {
      const web = aProgram('web', 600);
      await jitsu.add(web);
      assert.equal(await ask('web.test'), web.ip);
      const pid = pidOf('web');
      const env = { OTHER: 'value' };
      await jitsu.change('web', { ...web, dns: 'new.test', env });
      assert.equal(await ask('web.test'), 'NXDOMAIN');
      assert.equal(await ask('new.test'), web.ip);
      process.kill(pid, 0);
      await eventually(() => {
        const [status] = jitsu.controls.status().unikernels;
        assert.notEqual(status?.outdated, undefined);
      });
      await jitsu.controls.stop('web');
      assert.equal(await ask('new.test'), web.ip);
      assert.notEqual(pidOf('web'), pid);
      await jitsu.controls.stop('web');
    });
  });
}
