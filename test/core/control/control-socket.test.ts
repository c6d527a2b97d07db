import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { Server } from 'node:net';
import { ControlSocket } from '#core/control/control-socket.js';
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
