import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { queryBytes } from '../support/dns-message.js';
import { RunningJitsu } from '../support/running-jitsu.js';
import { describeOverUdp } from '../support/udp-transports.js';

const { aUnikernel } = RunningJitsu;

describeOverUdp('Jitsu, stopped by SIGSTOP and continued', function (transport) {
  it('stops nothing whose query has waited meanwhile, over UDP or TCP', async function () {
    this.timeout(60_000);
    const names = Array.from({ length: 6 }, (_, index) => `web${index}`);
    await using jitsu = new RunningJitsu(
      names.map((name) => aUnikernel(name)),
      { dns: { ttl: 2, transport } },
    );
    await jitsu.start();
    const before = await Promise.all(names.map((name) => jitsu.visit(`${name}.test`)));
    process.kill(jitsu.pid, 'SIGSTOP');
    await sleep(6_000);
    const asked = names.map((name, index) =>
      index % 2 === 0 ? jitsu.ask(`${name}.test`).then(({ rcode }) => rcode) : askByTcp(jitsu.port, `${name}.test`),
    );
    await sleep(500);
    process.kill(jitsu.pid, 'SIGCONT');
    assert.deepEqual(await Promise.all(asked), Array<string>(6).fill('NOERROR'));
    assert.deepEqual(await Promise.all(names.map((name) => jitsu.visit(`${name}.test`))), before);
    assert.equal(jitsu.runs().length, 6, 'the same processes as before');
  });
});

function askByTcp(port: number, name: string): Promise<string> {
  const query = Buffer.from(queryBytes(name));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(Buffer.concat([length, query])));
    socket.on('error', reject);
    socket.on('data', (reply) => {
      socket.destroy();
      resolve(((reply[5] as number) & 15) === 0 ? 'NOERROR' : `rcode ${(reply[5] as number) & 15}`);
    });
  });
}
