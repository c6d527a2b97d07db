import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chownSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { ControlClient } from '#core/control/control-client.js';
import { socketsOfOthers } from '#core/control/sockets-of-others.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const SOMEBODY = 4_000_003;

describe('the control sockets of other users', () => {
  it('are found where they listen, and named to those who ask in vain', async function () {
    requireRoot(this);
    using folder = new TemporaryFolder();
    const runtime = folder.in('jitsu-4000003');
    mkdirSync(runtime);
    const socket = `${runtime}/control.sock`;
    const server = createServer().listen(`${socket}.new`);
    try {
      await once(server, 'listening');
      const own = (): readonly string[] => socketsOfOthers().map((each) => each.socket);
      assert(!own().includes(socket), 'what is of this very user is nobody else’s');
      chownSync(runtime, SOMEBODY, SOMEBODY);
      const found = socketsOfOthers().find((each) => each.socket === socket);
      assert.deepEqual(found, { socket, owner: `the user with the number ${SOMEBODY}` });
      await assert.rejects(new ControlClient(folder.in('none.sock')).status(), {
        code: 'JITSU_NOT_RUNNING',
        message: new RegExp(
          `other users? runs?, at .*${socket} \\(the user with the number ${SOMEBODY}\\).*: name its`,
        ),
      });
    } finally {
      server.close();
    }
  });

  it('are those that listen, and that have the usual names', () => {
    const line = (flags: string, path: string): string =>
      `0000000000000000: 00000002 00000000 ${flags} 0001 01 41217 ${path}`;
    const list = [
      'Num       RefCount Protocol Flags    Type St Inode Path',
      '0000000000000000: 00000003 00000000 00000000 0001 03 41218',
      line('00000000', '/proc/jitsu/control.sock.new'),
      line('00010000', '/proc/1/control.sock.new'),
      line('00010000', '/nowhere/for/tests/jitsu/control.sock.new'),
      line('00010000', '/proc/jitsu/other.sock'),
      line('00010000', '@/proc/jitsu/control.sock.new'),
    ];
    assert.deepEqual(socketsOfOthers(list.join('\n')), []);
  });
});
