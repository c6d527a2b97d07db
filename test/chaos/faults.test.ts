import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Chaos } from './chaos.js';
import type { ChaosUnikernel } from './chaos-unikernels.js';
import { signal } from './processes.js';

const SEED = 7;

/** A process that looks like the program at an address. */
function impostorAt(address: string): Disposable {
  const words = ['-e', 'setInterval(() => undefined, 1000)', address];
  const child = spawn(process.execPath, words, { detached: true, stdio: 'ignore' });
  return { [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

describe('what is wrong in chaos', function () {
  this.timeout(180_000);

  const find = (chaos: Chaos, name: string): ChaosUnikernel => {
    const found = chaos.unikernels.find((one) => one.name === name);
    assert.ok(found, name);
    return found;
  };

  const expectFaults = (chaos: Chaos, ...expected: readonly RegExp[]): void => {
    for (const each of expected) {
      assert.ok(
        chaos.faults.some((fault) => each.test(fault)),
        `${String(each)} is not among:\n${chaos.faults.join('\n')}`,
      );
    }
  };

  it('is told: early stops, doubles, orphans, closed ports, starts that fail, and what is left', async () => {
    await using chaos = await Chaos.create(SEED, 'auto', {
      stop: { onExit: 'stop', policies: ['max-lifetime:3s', 'ttl'] },
    });
    const [doubled, squatted, closing] = ['plain0', 'slow0', 'plain1'].map((name) => find(chaos, name));
    const impostors = [doubled!, find(chaos, 'crashing0')].map(({ ip }) => impostorAt(ip));
    const squatter = createServer((_, response) => response.end()).listen(8080, squatted!.ip);
    try {
      await chaos.trouble.start();
      for (let looks = 0; looks < 4; looks += 1) {
        await chaos.visit(doubled!, false);
        await chaos.look();
        await sleep(1_000);
      }
      await chaos.visit(squatted!, false);
      await chaos.visit(closing!, false);
      await fetch(`http://${closing!.ip}:8080/close`, { headers: { connection: 'close' } });
      await chaos.visit(closing!, true);
      await chaos.finish();
    } finally {
      squatter.close();
      for (const impostor of impostors) impostor[Symbol.dispose]();
    }
    expectFaults(
      chaos,
      /was stopped \d+ ms after a query \(its lifetime is over\)/,
      /plain0 runs 2 times/,
      /crashing0 runs as \d+, of which Jitsu does not know/,
      /plain0 was left running/,
      /plain0 outlived Jitsu/,
      /plain1 was answered, and \d+ ms later nothing answered there/,
      /slow0 was not disturbed, and its start has failed/,
      /slow0 does not answer in the end/,
    );
  });

  it('is told: helpers that stay, ends that last too long, starts of Jitsu that fail', async () => {
    await using chaos = await Chaos.create(SEED, 'auto');
    await chaos.trouble.start();
    const helpers = chaos.trouble.helpers();
    for (const helper of helpers) signal(helper, 'SIGSTOP');
    await chaos.trouble.restart('SIGKILL');
    for (const helper of helpers) signal(helper, 'SIGCONT');
    signal(chaos.pid, 'SIGSTOP');
    await chaos.trouble.stop(500);
    find(chaos, 'plain0').ip = 'nowhere';
    for (const unikernel of chaos.unikernels) unikernel.isConfigured = true;
    await assert.rejects(chaos.trouble.start());
    expectFaults(
      chaos,
      /a helper of Jitsu has outlived it/,
      /SIGTERM did not end Jitsu within 500 ms/,
      /a start failed/,
    );
  });

  it('is told: a Jitsu that ends by itself', async () => {
    await using chaos = await Chaos.create(SEED, 'auto');
    const run = chaos.run(20_000);
    void run.catch(() => undefined);
    while (!chaos.log.includes('answering DNS')) await sleep(50);
    await sleep(500);
    signal(chaos.pid, 'SIGKILL');
    await assert.rejects(run, /Jitsu has ended by itself/);
  });
});
