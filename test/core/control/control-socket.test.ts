import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Server } from 'node:net';
import { ControlSocket } from '#core/control/control-socket.js';
import { fullDisk } from '../../support/full-disk.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** Looks at its socket in the moment in which there is one. */
class WatchedServer extends Server {
  mode: number | undefined;

  override listen(path: unknown): this {
    super.listen(path as string);
    this.mode = statSync(path as string).mode & 0o777;
    return this;
  }
}

class ServerThatFails extends Server {
  override listen(): this {
    throw new Error('no more descriptors');
  }
}

describe('the place of the control socket', () => {
  let folder: TemporaryFolder;
  let socket: ControlSocket;

  beforeEach(() => {
    folder = new TemporaryFolder();
    socket = new ControlSocket(folder.in('control.sock'));
  });

  afterEach(() => {
    socket.release();
    folder[Symbol.dispose]();
  });

  it('is opened on a full disk, where no owner can be written down, and still is one process’s', async () => {
    using _ = fullDisk();
    const [server, other] = [new Server(), new Server()];
    const second = new ControlSocket(folder.in('control.sock'));
    try {
      await socket.listen(server);
      await assert.rejects(second.listen(other), { code: 'JITSU_ALREADY_RUNNING' });
    } finally {
      for (const each of [server, other]) each.close();
    }
  });

  it('is its owner’s alone from its first moment on, and nothing else is made with that mask', async () => {
    const before = process.umask(0o022);
    const server = new WatchedServer();
    try {
      await socket.listen(server);
      assert.equal(server.mode, 0o600);
      assert.equal(process.umask(0o022), 0o022);
    } finally {
      process.umask(before);
      await new Promise((resolve) => server.close(resolve));
    }
  });

  for (const mode of [0o777, 0o1777, 0o757]) {
    it(`is refused in a folder that others may write (mode ${mode.toString(8)}), and leaves nothing there`, async () => {
      mkdirSync(folder.in('open'));
      chmodSync(folder.in('open'), mode);
      const inside = [folder.in('open', 'c.sock'), ...(mode === 0o1777 ? [] : [folder.in('open', 'deep', 'c.sock')])];
      for (const path of inside) {
        await assert.rejects(new ControlSocket(path).listen(new Server()), {
          code: 'JITSU_CONTROL_FAILED',
          message:
            /cannot be opened: \S+\/open may be written by others \(.* safe\)\. .* choose another path with --control/,
        });
      }
      assert.deepEqual(readdirSync(folder.in('open')), []);
    });
  }

  it('is refused in a folder of another user', async function () {
    requireRoot(this);
    mkdirSync(folder.in('theirs'));
    chownSync(folder.in('theirs'), 65_534, 65_534);
    await assert.rejects(new ControlSocket(folder.in('theirs', 'c.sock')).listen(new Server()), {
      code: 'JITSU_CONTROL_FAILED',
      message: /theirs belongs to the user with the number 65534, and Jitsu runs as 0/,
    });
  });

  it('writes to no file to which links lead that were put in its place', async () => {
    writeFileSync(folder.in('precious'), 'precious', { mode: 0o644 });
    const names = ['control.sock.new', 'control.sock.1.lock', `control.sock.2.lock.${process.pid}`];
    for (const name of names) symlinkSync('precious', folder.in(name));
    const server = new Server();
    await socket.listen(server);
    await new Promise((resolve) => server.close(resolve));
    assert.equal(readFileSync(folder.in('precious'), 'utf8'), 'precious');
    assert.equal(statSync(folder.in('precious')).mode & 0o777, 0o644);
  });

  it('gives the mask back where nobody can listen', async () => {
    const before = process.umask(0o022);
    try {
      await assert.rejects(socket.listen(new ServerThatFails()), { code: 'JITSU_CONTROL_FAILED', message: /no more/ });
      assert.equal(process.umask(0o022), 0o022);
    } finally {
      process.umask(before);
    }
  });

  it('is free for the next one where nobody could listen', async () => {
    await assert.rejects(socket.listen(new ServerThatFails()), { code: 'JITSU_CONTROL_FAILED' });
    const next = new ControlSocket(folder.in('control.sock'));
    const server = new Server();
    await next.listen(server);
    next.release();
    await new Promise((resolve) => server.close(resolve));
  });
});
