import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Endpoint } from '#core/net/endpoint.js';
import { startKnot } from './knot.js';
import type { NameDaemon } from './name-daemon.js';
import { requireTool } from './require-tool.js';
import { isRunning } from './running-jitsu.js';
import { startUnbound } from './unbound.js';

const ZONE = `
$ORIGIN a.test.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
www A 192.0.2.1
`;

describe('name servers for tests', () => {
  let dig: string;
  const daemons: NameDaemon[] = [];

  before(function () {
    dig = requireTool(this, 'dig');
  });

  after(async () => {
    for (const daemon of daemons) await daemon[Symbol.asyncDispose]();
  });

  const ask = async ({ address, port }: Endpoint, ...words: string[]): Promise<string> =>
    (await promisify(execFile)(dig, [`@${address}`, '-p', String(port), '+tries=3', ...words])).stdout;

  it('are Knot with a zone, signed where that is wanted', async function () {
    const knot = await startKnot(this, {
      zones: { 'a.test': ZONE, 'b.test': ZONE.replace('a.test', 'b.test') },
      signed: ['b.test'],
    });
    daemons.push(knot);
    assert.match(await ask(knot.endpoint, 'www.a.test', '+dnssec'), /flags: qr aa .*ANSWER: 1/);
    assert.match(await ask(knot.endpoint, 'www.b.test', '+dnssec'), /RRSIG\s+A 13 3 60/);
  });

  it('are Unbound with data of its own, or in front of another one', async function () {
    const server = ['local-zone: "c.test." static', 'local-data: "www.c.test. 60 IN A 192.0.2.3"'];
    const behind = await startUnbound(this, { server });
    daemons.push(behind);
    assert.match(await ask(behind.endpoint, 'www.c.test', '+short'), /^192\.0\.2\.3$/m);
    const { address, port } = behind.endpoint;
    const clauses = `forward-zone:\n  name: "c.test."\n  forward-addr: ${address}@${port}`;
    const front = await startUnbound(this, { server: ['local-zone: "test." nodefault'], clauses });
    daemons.push(front);
    assert.match(await ask(front.endpoint, 'www.c.test', '+short'), /^192\.0\.2\.3$/m);
  });

  it('leave no process behind, and say why where they do not start', async function () {
    const daemon = await startUnbound(this);
    await daemon[Symbol.asyncDispose]();
    assert.equal(isRunning(daemon.pid), false);
    await assert.rejects(
      startUnbound(this, { server: ['no-such-line: 1'] }),
      /does not listen; it says:[^]*no-such-line/,
    );
  });
});
