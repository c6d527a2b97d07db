import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { eventually } from '#core/testing/eventually.js';
import { freePort } from './free-port.js';
import { LightGuest } from './light-guest.js';

const untilClosed = async (address: string, port: number): Promise<void> => {
  const socket = connect(port, address).resume();
  await once(socket, 'close');
};

describe('a light guest', function () {
  this.timeout(20_000);

  it('listens where it is to, after its delay, and closes each connection', async () => {
    using guest = new LightGuest();
    const [address, port] = ['127.212.3.254', await freePort()];
    const [file = '', ...words] = guest.command(address, port, 1_250);
    const began = performance.now();
    const child = spawn(file, words, { stdio: ['ignore', 'inherit', 'inherit'] });
    try {
      await eventually(() => untilClosed(address, port));
      assert.ok(performance.now() - began >= 1_250, 'not before its time');
      await untilClosed(address, port);
      await assert.rejects(untilClosed('127.212.3.253', port), { code: 'ECONNREFUSED' }, 'nowhere else');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('ends with an error where it cannot listen, and leaves no file behind', async () => {
    let file: string;
    {
      using guest = new LightGuest();
      const words = guest.command('192.0.2.1', 80, 0);
      file = words[0] ?? '';
      const child = spawn(file, words.slice(1), { stdio: 'ignore' });
      const [status] = (await once(child, 'exit')) as [number];
      assert.notEqual(status, 0);
    }
    assert.equal(existsSync(file) && !file.endsWith('perl'), false);
  });
});
