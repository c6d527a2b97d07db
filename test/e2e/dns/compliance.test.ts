import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startKnot } from '../../support/knot.js';
import type { NameDaemon } from '../../support/name-daemon.js';
import { oracleZone } from '../../support/oracle-zone.js';
import { requireTool } from '../../support/require-tool.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

/** What a probe must find. */
interface Expected {
  readonly status?: string;
  /** Whether there are records of the type that was asked for. */
  readonly answered?: boolean;
  /** Whether there is an OPT record. */
  readonly edns?: boolean;
  readonly DO?: boolean;
}

/** The probes of ednscomp (RFC 6891; draft-ietf-dnsop-no-response-issue), as words for dig, and what is right. */
const PROBES: readonly (readonly [string, readonly string[], Expected])[] = [
  ['plain DNS', ['+noedns', '+noad'], { edns: false }],
  ['plain DNS with AD', ['+noedns', '+ad'], { edns: false }],
  ['plain DNS with CD', ['+noedns', '+cd'], { edns: false }],
  ['EDNS', ['+edns=0'], {}],
  ['EDNS version 1', ['+edns=1', '+noednsnegotiation'], { status: 'BADVERS', answered: false }],
  ['EDNS with an unknown option', ['+edns=0', '+ednsopt=100'], {}],
  ['EDNS with an unknown flag', ['+edns=0', '+ednsflags=0x40'], {}],
  [
    'EDNS version 1 with an unknown option',
    ['+edns=1', '+noednsnegotiation', '+ednsopt=100'],
    { status: 'BADVERS', answered: false },
  ],
  [
    'EDNS version 1 with an unknown flag',
    ['+edns=1', '+noednsnegotiation', '+ednsflags=0x40'],
    { status: 'BADVERS', answered: false },
  ],
  ['DO', ['+edns=0', '+dnssec'], { DO: true }],
  [
    'DO with EDNS version 1',
    ['+edns=1', '+noednsnegotiation', '+dnssec'],
    { status: 'BADVERS', answered: false, DO: true },
  ],
  ['a buffer of 512 bytes', ['+edns=0', '+bufsize=512', '+dnssec'], { DO: true }],
  ['TCP', ['+edns=0', '+tcp'], {}],
  [
    'NSID, cookie, expire and subnet at once',
    ['+edns=0', '+nsid', '+cookie=0102030405060708', '+expire', '+subnet=0.0.0.0/0'],
    {},
  ],
  ['an unknown opcode', ['+opcode=15', '+header-only', '+noedns'], { status: 'NOTIMP', answered: false, edns: false }],
];

describe('the compliance probes of ednscomp', function () {
  this.timeout(60_000);

  let dig: string;
  let knot: NameDaemon;
  let jitsu: RunningJitsu;

  before(async function () {
    dig = requireTool(this, 'dig');
    // As a resolver would, it says that there are no other names.
    const others = '@ 300 SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 198.51.100.53\n';
    knot = await startKnot(this, { zones: { 'forwarded.test': oracleZone('forwarded.test'), test: others } });
    jitsu = new RunningJitsu([RunningJitsu.aUnikernel('ready'), RunningJitsu.aUnikernel('stopped')], {
      dns: { forwarders: `127.0.0.1:${knot.endpoint.port}` },
    });
    await jitsu.start();
    await jitsu.ask('ready.test');
  });

  after(async () => {
    await jitsu?.[Symbol.asyncDispose]();
    await knot?.[Symbol.asyncDispose]();
  });

  for (const [kind, name, type, hasData] of [
    ['a ready name', 'ready.test', 'A', true],
    ['a stopped name, of a type that does not wake it', 'stopped.test', 'TXT', false],
    ['a forwarded name', 'www.forwarded.test', 'A', true],
  ] as const) {
    for (const [probe, words, expected] of PROBES) {
      it(`find what is right for ${kind} with ${probe}`, async () => {
        const { status = 'NOERROR', answered = hasData, edns = true, DO = false } = expected;
        const way = ['@127.0.0.1', '-p', String(jitsu.port), '+tries=3', '+ignore', ...words];
        const { stdout } = await promisify(execFile)(dig, [...way, name, type]);
        assert.match(stdout, new RegExp(`status: ${status},`));
        assert.equal(
          new RegExp(`^${name.replaceAll('.', '\\.')}\\.\\s+\\d+\\s+IN\\s+${type}\\s`, 'm').test(stdout),
          answered,
          stdout,
        );
        assert.equal(stdout.includes('; EDNS: version: 0, '), edns, stdout);
        assert.equal(stdout.includes('; EDNS: version: 0, flags: do; '), DO, stdout);
        // What nobody knows is not sent back (RFC 6891, 6.1.2 and 6.1.4).
        assert.doesNotMatch(stdout, /^; OPT=100|MBZ|WARNING|malformed/im);
      });
    }
  }

  it('have woken nothing', async () => {
    assert.equal((await jitsu.status('stopped')).state, 'off');
  });
});
