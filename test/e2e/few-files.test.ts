import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { thisMachine, type Place } from '../support/place.js';
import { RunningJitsu } from '../support/running-jitsu.js';

/** This machine, for processes that may open few files. */
const withFewFiles: Place = {
  ...thisMachine,
  spawn: (program, parameters, options) =>
    spawn('sh', ['-c', 'ulimit -n 256; exec "$0" "$@"', program, ...parameters], options),
};

describe('with 256 open files at most', function () {
  this.timeout(60_000);

  it('Jitsu keeps descriptors for what it boots, whatever TCP clients do', async () => {
    const web = RunningJitsu.aUnikernel('web');
    const db = RunningJitsu.aUnikernel('db');
    await using jitsu = new RunningJitsu([web, db], {}, withFewFiles);
    await jitsu.start();
    assert.match(jitsu.log, /only some \d+ TCP connections can be open at once instead of 256/);
    await jitsu.visit('web.test');
    const clients: Socket[] = [];
    try {
      for (let index = 0; index < 300; index += 1) {
        // More than one client may have.
        const localAddress = `127.0.1.${1 + Math.floor(index / 50)}`;
        const client = connect({ host: '127.0.0.1', port: jitsu.port, localAddress });
        client.on('error', () => undefined);
        clients.push(client);
        await Promise.race([once(client, 'connect'), once(client, 'close')]);
      }
      // Long enough for several looks at what runs.
      await setTimeout(500);
      assert.ok((await jitsu.visit('db.test')) > 0, 'another one boots');
      assert.ok((await jitsu.visit('web.test')) > 0);
      assert.equal((await jitsu.status('web')).phase, 'ready');
    } finally {
      for (const client of clients) client.destroy();
    }
    assert.doesNotMatch(jitsu.log, /EMFILE/);
  });
});
