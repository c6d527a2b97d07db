import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { checkAddressesFree } from '#core/lifecycle/address-conflict.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import type { Endpoint } from '#core/net/endpoint.js';
import { listenerOwner } from '#core/net/listener-owner.js';
import { loadSocketCalls } from '#core/net/socket-calls.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { acceptsNow } from '#core/net/accepts-now.js';
import { requireMmsg } from '../../support/udp-transports.js';

const execution = { cwd: '/', env: {} };

function aUnikernel(address: string, port: number | undefined, isProcess = true): Unikernel {
  const probe = { untilReady: () => Promise.resolve(), ...(port !== undefined && { port }) };
  const machine = { execution: () => (isProcess ? execution : undefined), listener: () => undefined };
  return { name: 'web', addresses: [address], plan: { probes: [probe], machine } } as unknown as Unikernel;
}

describe('a conflict about an address', () => {
  const clock = new ManualClock();
  const servers: Server[] = [];

  const listen = async (host: string): Promise<number> => {
    const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, host);
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it('is what accepts connections there before the start of a process, and is named', async () => {
    const port = await listen('127.0.0.1');
    const { message } = await rejectsWithCode(
      checkAddressesFree(aUnikernel('127.0.0.1', port), clock, () => assert.fail()),
      'JITSU_ADDRESS_IN_USE',
    );
    assert.match(message, new RegExp(`^web is not started: .+ answers at 127\\.0\\.0\\.1:${port} already\\. `));
    if (process.platform === 'linux') assert.ok(message.includes(`(process ${process.pid})`), message);
  });

  it('with what is not configured any more is told with its name and the command that ends it', async () => {
    const port = await listen('127.0.0.1');
    const stray = (domainId: number, state = 'running') => ({ name: `old${domainId}`, state, domainId, addresses: [] });
    const { pid } = process;
    const refusal = async (...strays: object[]): Promise<string> =>
      (
        await rejectsWithCode(
          checkAddressesFree(aUnikernel('127.0.0.1', port), clock, () => assert.fail(), strays as Unikernel[]),
          'JITSU_ADDRESS_IN_USE',
        )
      ).message;
    const message = await refusal(stray(2 ** 22), stray(pid));
    assert.ok(message.startsWith(`web is not started: old${pid}, not configured any more, answers at `), message);
    assert.ok(message.includes(`End it by "jitsu stop old${pid}"`), message);
    for (const none of [stray(pid, 'off'), stray(2 ** 22)]) assert.match(await refusal(none), /End that, or give web/);
  });

  it('is none where nobody listens, where no port is asked, at addresses of others, and for what is no process', async () => {
    const port = await listen('127.0.0.1');
    const elsewhere: Endpoint[] = [];
    for (const unikernel of [
      aUnikernel('127.0.0.7', port),
      aUnikernel('127.0.0.1', undefined),
      aUnikernel('192.0.2.1', port),
      aUnikernel('127.0.0.1', port, false),
    ])
      await checkAddressesFree(unikernel, clock, (endpoint) => elsewhere.push(endpoint));
    assert.deepEqual(elsewhere, [{ address: '192.0.2.1', port }]);
  });

  it('is none where Jitsu itself listens for the unikernel', async () => {
    const unikernel = aUnikernel('127.0.0.1', await listen('127.0.0.1'));
    const untilAccepted = (): Promise<void> => Promise.resolve();
    unikernel.plan.machine.listener = () => ({ untilAccepted });
    await checkAddressesFree(unikernel, clock, () => assert.fail());
  });

  it('is found also without native calls', async () => {
    const port = await listen('127.0.0.1');
    assert.equal(await acceptsNow({ address: '127.0.0.1', port }, clock, undefined), true);
    servers.pop()?.close();
    assert.equal(await acceptsNow({ address: '127.0.0.9', port }, clock, undefined), false);
    assert.equal(clock.pending, 0);
  });

  it('is found by native calls, and named by who listens on all addresses', async function () {
    requireMmsg(this);
    const calls = await loadSocketCalls();
    const port = await listen('0.0.0.0');
    for (const address of ['127.0.0.1', '127.0.0.55']) {
      assert.equal(await acceptsNow({ address, port }, clock, calls), true);
      assert.match((await listenerOwner({ address, port })) ?? '', new RegExp(`\\(process ${process.pid}\\)$`));
    }
    assert.equal(await listenerOwner({ address: '127.0.0.1', port: 1 }), undefined);
  });
});
