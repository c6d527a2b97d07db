import assert from 'node:assert/strict';
import { askByTcp, askByUdp } from '../../support/dns-exchange.js';
import { decodeReply, queryBytes, type Reply } from '../../support/dns-message.js';
import { startKnot } from '../../support/knot.js';
import type { NameDaemon } from '../../support/name-daemon.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import { describeOverUdp } from '../../support/udp-transports.js';

const SOA = '@ SOA ns hostmaster 7 3600 600 86400 300\n@ NS ns\nns A 198.51.100.53\n';

/** What the rest of the world knows: `hello.example.com` has mail and no address, `new.example.com` is not known at all. */
const ZONES = {
  com: `$TTL 300\n${SOA}`,
  'example.com': `$TTL 300\n${SOA}hello MX 10 mail\nmail A 198.51.100.25\nshop CNAME hello\nnews CNAME new\n`,
};

describeOverUdp('a name that others know, too', (transport) => {
  let knot: NameDaemon;
  let jitsu: RunningJitsu;
  let ip: string;

  before(async function () {
    knot = await startKnot(this, { zones: ZONES });
    const hello = RunningJitsu.aUnikernel('hello', [], {
      dns: ['hello.example.com', 'new.example.com', 'example.com'],
    });
    ip = hello['ip'] as string;
    const forwarders = [`127.0.0.1:${knot.endpoint.port}`];
    jitsu = new RunningJitsu([hello], { dns: { transport, forwarders } });
    await jitsu.start();
  });

  after(async () => {
    await jitsu?.[Symbol.asyncDispose]();
    await knot?.[Symbol.asyncDispose]();
  });

  /** Asked several times, so that it comes from the caches, too, over UDP and TCP. */
  const ask = async (name: string, type: string): Promise<Reply> => {
    const server = { address: '127.0.0.1', port: jitsu.port };
    const query = queryBytes(name, { type, edns: {} });
    const replies = [
      await askByUdp(server, query),
      await askByUdp(server, query),
      ...(await askByTcp(server, query, query)),
    ];
    const [first, ...others] = replies.map((reply) => decodeReply(reply));
    assert.ok(first);
    for (const other of others) {
      assert.deepEqual([other.rcode, dataIn(other.answers)], [first.rcode, dataIn(first.answers)], `${name} ${type}`);
      assert.deepEqual(ownersIn(other), ownersIn(first));
    }
    return first;
  };
  const dataIn = (records: Reply['answers'] = []): unknown[] =>
    records.map((each) => [each.name, each.type, 'data' in each && each.type !== 'SOA' ? each.data : '']);
  const ownersIn = ({ authorities = [] }: Reply): string[] => authorities.map(({ name, type }) => `${type} ${name}`);
  const state = async (): Promise<string | undefined> => (await jitsu.control.status()).unikernels[0]?.phase;

  it('has the SOA records of those whose zones they are, as ACME clients and nsupdate look for them', async () => {
    for (const [name, zone] of [
      ['com', 'com'],
      ['example.com', 'example.com'],
    ] as const) {
      assert.deepEqual(dataIn((await ask(name, 'SOA')).answers), [[zone, 'SOA', '']]);
    }
    const unknown = await ask('new.example.com', 'SOA');
    assert.deepEqual([unknown.rcode, unknown.answers, ownersIn(unknown)], ['NOERROR', [], ['SOA example.com']]);
    assert.equal(await state(), 'down');
  });

  it('has the records of other types that others give it, and never does not exist', async () => {
    assert.deepEqual(
      (await ask('hello.example.com', 'MX')).answers?.map(({ type }) => type),
      ['MX'],
    );
    for (const type of ['MX', 'TXT', 'CAA', 'CNAME']) {
      const reply = await ask('new.example.com', type);
      assert.deepEqual([reply.rcode, reply.answers], ['NOERROR', []], type);
    }
    assert.equal((await ask('other.example.com', 'MX')).rcode, 'NXDOMAIN');
    const aaaa = await ask('hello.example.com', 'AAAA');
    assert.deepEqual([aaaa.rcode, ownersIn(aaaa)], ['NOERROR', ['SOA hello.example.com']]);
    assert.equal(await state(), 'down');
  });

  it('is woken by a CNAME record of others that leads to it', async () => {
    for (const [alias, name] of [
      ['shop', 'hello'],
      ['news', 'new'],
    ] as const) {
      assert.deepEqual(dataIn((await ask(`${alias}.example.com`, 'A')).answers), [
        [`${alias}.example.com`, 'CNAME', `${name}.example.com`],
        [`${name}.example.com`, 'A', ip],
      ]);
      assert.equal(await state(), 'ready');
    }
    const status = (await jitsu.control.status()).unikernels[0];
    assert.deepEqual(
      status?.names.map(({ name, requests }) => [name, requests]),
      [
        ['hello.example.com', 4],
        ['new.example.com', 4],
        ['example.com', 0],
      ],
    );
  });
});
