import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { ControlClient } from '#core/control/control-client.js';
import { aStatusReport, aUnikernelStatus } from '../../support/a-status-report.js';
import { anEvent } from '../../support/store-records.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const NO_ANSWER = { code: 'JITSU_CONTROL_FAILED', message: /gave no answer: it is no answer of a Jitsu/ };

describe('the client of the control socket', () => {
  let folder: TemporaryFolder;
  let server: Server;
  let client: ControlClient;
  let onRequest: (socket: Socket) => void;

  beforeEach(async () => {
    folder = new TemporaryFolder();
    client = new ControlClient(folder.in('control.sock'));
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => onRequest(socket));
    }).listen(folder.in('control.sock'));
    await once(server, 'listening');
  });

  afterEach(() => {
    server.close();
    folder[Symbol.dispose]();
  });

  const reply = (body: unknown, status = '200 OK', behind = ''): void => {
    const text = JSON.stringify(body);
    onRequest = (socket) =>
      socket.end(`HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}${behind}`);
  };

  it('takes reports with all that commands read of them, and with more', async () => {
    const report = { ...aStatusReport([aUnikernelStatus()]), later: true };
    reply(report);
    assert.deepEqual(await client.status(), report);
    reply({ ...aUnikernelStatus(), stopAt: null });
    assert.equal((await client.stop('hello')).name, 'hello');
    reply([anEvent()]);
    assert.equal((await client.history({})).length, 1);
  });

  it('takes nothing else for a report', async () => {
    const report = aStatusReport([aUnikernelStatus()]);
    for (const body of [
      ...[
        null,
        1,
        'status',
        [],
        {},
        { ...report, version: 1 },
        { ...report, unikernels: {} },
        { ...report, listening: [null] },
      ],
      ...[
        { ...report, unikernels: [{ ...aUnikernelStatus(), names: [{ name: 'a' }] }] },
        { ...report, dns: {} },
      ],
      ...[
        { ...report, notifiers: [{ name: 'n', connected: 'yes', detail: '' }] },
        { ...report, further: 'x' },
      ],
    ]) {
      reply(body);
      await assert.rejects(client.status(), NO_ANSWER, JSON.stringify(body));
    }
    for (const body of [{}, [1], [{ ...anEvent(), cause: 'x' }]]) {
      reply(body);
      await assert.rejects(client.history({}), NO_ANSWER);
    }
    reply(aUnikernelStatus());
    await assert.rejects(client.summon('hello'), NO_ANSWER);
    reply({ flushed: '3' });
    await assert.rejects(client.flush(), NO_ANSWER);
  });

  it('takes only our own codes for those of a failure', async () => {
    reply({ code: 'JITSU_NEW', message: 'a newer one' }, '500 No');
    await assert.rejects(client.status(), { code: 'JITSU_NEW', message: 'a newer one' });
    for (const code of ['ENOENT', 'JITSU_x', 'JITSU_A\u001b[2J', 3, undefined]) {
      reply({ code, message: 'x' }, '500 No');
      await assert.rejects(client.status(), NO_ANSWER);
    }
  });

  it('does not break on what comes behind the reply', async () => {
    reply({ flushed: 3 }, '200 OK', 'x'.repeat(100));
    assert.deepEqual(await client.flush(), { flushed: 3 });
    await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('reads no reply without end', async () => {
    let written = 0;
    onRequest = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const chunk = Buffer.alloc(1_048_576, ' ');
      const more = (): void => {
        if (socket.destroyed) return;
        written += chunk.length;
        socket.write(chunk, more);
      };
      more();
    };
    await assert.rejects(client.status(), { code: 'JITSU_CONTROL_FAILED', message: /longer than 16777216 bytes/ });
    assert.ok(written < 40_000_000, `${written} bytes were taken`);
  });

  it('does not wait for ever for one that notices nothing', async () => {
    onRequest = () => undefined;
    const impatient = new ControlClient(folder.in('control.sock'), 50);
    const message = /^The Jitsu at \S+ does not answer: it has not noticed a request within 0\.05 s\. See its log\.$/;
    await assert.rejects(impatient.status(), { code: 'JITSU_CONTROL_FAILED', message });
  });

  it('waits as long as it takes once its request was noticed', async () => {
    const report = JSON.stringify(aUnikernelStatus());
    onRequest = (socket) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      setTimeout(() => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${report.length}\r\n\r\n${report}`), 200);
    };
    assert.equal((await new ControlClient(folder.in('control.sock'), 50).stop('hello')).name, 'hello');
  });
});
