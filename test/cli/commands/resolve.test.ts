import assert from 'node:assert/strict';
import packet, { type Packet } from 'dns-packet';
import { JitsuError, type Settings } from '@jitsud/core';
import { resolve, type ResolveContext } from '#cli/commands/resolve.js';
import type { Core } from '#cli/core.js';
import { aStatusReport } from '../../support/a-status-report.js';
import { capturedTerminal } from '../../support/captured-terminal.js';
import { FakeUpstream } from '../../support/dns-upstream.js';
import { coreWithControl } from '../../support/fake-control-client.js';
import { fakeCore } from '../../support/fake-core.js';

const answer: Packet = { answers: [{ name: 'a.test', type: 'A', ttl: 60, data: '192.0.2.1' }] };
const patient = { timeout: 10 };

function startServer(parts: Packet): Promise<FakeUpstream> {
  return FakeUpstream.start(({ bytes }) => {
    const { id, questions } = packet.decode(bytes);
    return [packet.encode({ type: 'response', id: id ?? 0, questions: questions ?? [], ...parts })];
  });
}

function context(core: Core = fakeCore({})): ResolveContext & { terminal: ReturnType<typeof capturedTerminal> } {
  return { core: () => Promise.resolve(core), terminal: capturedTerminal(), directory: '/' };
}

const none = new JitsuError('JITSU_NOT_RUNNING', 'None.');

describe('jitsu resolve', () => {
  it('shows the answer of the server that is named, with status 0', async () => {
    await using server = await startServer(answer);
    const asked = context();
    const choice = { ...patient, server: `127.0.0.1:${server.endpoint.port}` };
    assert.equal(await resolve(asked, 'a.test', undefined, choice), 0);
    assert.match(
      asked.terminal.stdout,
      /^NOERROR from 127\.0\.0\.1:\d+ over UDP .*\n\n.*\nanswer +a\.test +60 +A +192\.0\.2\.1\n$/,
    );
  });

  it('prints JSON', async () => {
    await using server = await startServer(answer);
    const asked = context();
    await resolve(asked, 'a.test', 'a', { ...patient, server: '127.0.0.1', port: server.endpoint.port, json: true });
    const { rcode, records } = JSON.parse(asked.terminal.stdout) as { rcode: string; records: unknown };
    assert.deepEqual(
      { rcode, records },
      {
        rcode: 'NOERROR',
        records: [{ section: 'answer', name: 'a.test', ttl: 60, type: 'A', data: '192.0.2.1' }],
      },
    );
  });

  for (const [what, parts] of [
    ['there are no records', {}],
    ['the name does not exist', { ...answer, flags: 3 }],
    ['the server failed', { flags: 2 }],
  ] as const) {
    it(`has status 1 when ${what}`, async () => {
      await using server = await startServer(parts);
      assert.equal(
        await resolve(context(), 'a.test', undefined, { ...patient, server: '127.0.0.1', port: server.endpoint.port }),
        1,
      );
    });
  }

  it('asks the running Jitsu unless told otherwise', async () => {
    await using server = await startServer(answer);
    const listening = [{ address: '0.0.0.0', port: server.endpoint.port }];
    const core = coreWithControl({ status: () => Promise.resolve({ ...aStatusReport([]), listening }) });
    assert.equal(await resolve(context(core), 'a.test', undefined, { ...patient, control: '/control.sock' }), 0);
  });

  it('asks the Jitsu that runs where it has recorded to answer, without asking its socket', async () => {
    await using server = await startServer(answer);
    const listening = [{ address: '127.0.0.1', port: server.endpoint.port }];
    const core = fakeCore({ runningJitsus: () => [{ pid: 1, socket: '/x.sock', listening }] });
    assert.equal(await resolve(context(core), 'a.test', undefined, patient), 0);
  });

  it('asks where the configuration says when its Jitsu cannot be asked', async () => {
    await using server = await startServer(answer);
    const dns = { bind: ['127.0.0.1'], port: server.endpoint.port };
    const core: Core = {
      ...coreWithControl({ status: () => Promise.reject(none) }),
      defaultControlSocket: () => '/control.sock',
      loadSettings: () => Promise.resolve({ controlSocket: '/control.sock', dns } as unknown as Settings),
    };
    assert.equal(await resolve(context(core), 'a.test', undefined, patient), 0);
  });

  it('asks where a configuration that was named says, and not the Jitsu of another one that has its socket', async () => {
    await using server = await startServer(answer);
    const dns = { bind: ['127.0.0.1'], port: server.endpoint.port };
    const other = { ...aStatusReport([]), configFile: '/other.yaml', listening: [{ address: '127.0.0.1', port: 1 }] };
    const core: Core = {
      ...coreWithControl({ status: () => Promise.resolve(other) }),
      loadSettings: () => Promise.resolve({ controlSocket: '/control.sock', dns } as unknown as Settings),
    };
    assert.equal(await resolve(context(core), 'a.test', undefined, { ...patient, config: 'jitsu.yaml' }), 0);
  });

  it('says that no Jitsu listens on a control socket that was named', async () => {
    const core = coreWithControl({ status: () => Promise.reject(none) });
    await assert.rejects(resolve(context(core), 'a.test', undefined, { ...patient, control: '/control.sock' }), none);
  });
});
