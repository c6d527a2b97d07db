import assert from 'node:assert/strict';
import { statusTable } from '#cli/output/status-table.js';
import { aStatusReport, aUnikernelStatus, reportTime } from '../../support/a-status-report.js';

const lines = (text: string): readonly string[] => text.split('\n');

describe('the status table', () => {
  it('has the columns of the original Jitsu, and when each unikernel stops', () => {
    assert.deepEqual(lines(statusTable(aStatusReport([aUnikernelStatus()]), undefined)), [
      'Jitsu 0.1.0 (pid 4711), up 1 h, answers on 127.0.0.1:10053',
      '',
      'UNIKERNEL  BACKEND  STATE  NAMES             ADDRESSES   STARTED   STARTS  REQUESTS  LAST REQUEST  STOPS IN',
      'hello      process  ready  hello.jitsu.test  127.0.0.80  21:04:05       1         3  12 s ago      1 min 48 s',
      '',
    ]);
  });

  it('says what keeps a unikernel, queries only where it is alone', () => {
    const connected = aUnikernelStatus({
      name: 'a',
      keptBy: '2 connections, from 192.0.2.7',
      stopAt: reportTime + 60_000,
    });
    const asked = aUnikernelStatus({ name: 'b', keptBy: 'queries' });
    const down = aUnikernelStatus({ name: 'c', state: 'off', phase: 'down', keptUntil: reportTime + 60_000 });
    const told = (...unikernels: (typeof asked)[]): readonly string[] =>
      lines(statusTable(aStatusReport(unikernels), undefined)).filter((line) => line.includes('kept'));
    assert.match(
      told(connected, asked)[0] ?? '',
      /^a is kept by 2 connections, from 192\.0\.2\.7, at least until \d\d:\d\d:\d\d\.$/,
    );
    assert.equal(told(connected, asked).length, 1);
    assert.match(told(asked)[0] ?? '', /^b is kept by queries, at least until /);
    assert.match(
      told(down, asked)[0] ?? '',
      /^c will be kept until \d\d:\d\d:\d\d by jitsu keep, if it is started before\.$/,
    );
  });

  it('says how long a unikernel usually takes, where it is alone', () => {
    const slow = aUnikernelStatus({ name: 'a', usuallyReadyIn: 3_200 });
    const told = (...unikernels: (typeof slow)[]): readonly string[] =>
      lines(statusTable(aStatusReport(unikernels), undefined)).filter((line) => line.includes('usually'));
    assert.deepEqual(told(slow), ['a is usually ready 3.2 s after its start.']);
    assert.deepEqual([told(aUnikernelStatus({ name: 'a' })), told(slow, aUnikernelStatus({ name: 'b' }))], [[], []]);
  });

  it('says that Jitsu is still starting where it listens nowhere', () => {
    const [headline] = lines(statusTable({ ...aStatusReport([aUnikernelStatus()]), listening: [] }, undefined));
    assert.equal(headline, 'Jitsu 0.1.0 (pid 4711), up 1 h, does not answer yet');
  });

  it('says whom Jitsu and its programs run as where it has given up root', () => {
    const report = {
      ...aStatusReport([aUnikernelStatus()]),
      runsAs: { uid: 998, name: 'jitsu', gaveUpRoot: true as const },
    };
    assert.equal(
      lines(statusTable(report, undefined))[1],
      'runs as jitsu (uid 998); programs are started by a process of root, as their own users or, without one, as root',
    );
    assert.deepEqual(lines(statusTable({ ...report, unikernels: [] }, 80)).slice(1, 3), [
      'runs as jitsu (uid 998); programs are started by a process of root, as their own',
      'users or, without one, as root',
    ]);
  });

  it('warns of a store that is not kept, also where there is no unikernel, and lets it write nothing to the terminal', () => {
    const storeProblem = 'The store at /x could not be written: \u001b[2Jdatabase or disk is full';
    for (const unikernels of [[], [aUnikernelStatus()]]) {
      assert.equal(
        lines(statusTable({ ...aStatusReport(unikernels), storeProblem }, undefined))[1],
        'WARNING: The store at /x could not be written: \\x1b[2Jdatabase or disk is full',
      );
    }
  });

  it('says where processes that have ended pile up', () => {
    const initProblem = 'Jitsu is the first process of its container';
    const report = { ...aStatusReport([aUnikernelStatus()]), storeProblem: 'full', initProblem };
    assert.deepEqual(lines(statusTable(report, undefined)).slice(1, 3), [
      'WARNING: full',
      'WARNING: Jitsu is the first process of its container',
    ]);
  });

  it('names the doormen that can hold nothing, and says that a connection wakes what is armed, of one alone', () => {
    const lostDoormen = [{ name: 'netfilter', reason: 'its process \u001b[2Jhas ended' }];
    const down = aUnikernelStatus({ state: 'off', phase: 'down', armed: true });
    assert.equal(
      lines(statusTable({ ...aStatusReport([down]), lostDoormen }, undefined))[1],
      'WARNING: The doorman netfilter can hold no first packets: its process \\x1b[2Jhas ended. Until it can, only queries wake.',
    );
    const armed = 'A connection wakes hello, too: its first packet is held.';
    assert.ok(lines(statusTable(aStatusReport([down]), undefined)).includes(armed));
    assert.ok(!statusTable(aStatusReport([down, aUnikernelStatus({ name: 'other' })]), undefined).includes(armed));
  });

  it('fits 80 columns, with the quieter facts on a second line', () => {
    const names = [
      { name: 'hello.jitsu.test', requests: 3, lastAsked: reportTime - 12_000 },
      { name: 'www.jitsu.test', requests: 0 },
    ];
    const report = aStatusReport([aUnikernelStatus({ names }), aUnikernelStatus({ name: 'other' })]);
    const table = statusTable(report, 80);
    assert.deepEqual(lines(table).slice(2), [
      'UNIKERNEL  STATE  NAMES             REQUESTS  LAST REQUEST  STOPS IN',
      'hello      ready  hello.jitsu.test         3  12 s ago      1 min 48 s',
      '                  www.jitsu.test           0  -',
      '  process, 127.0.0.80, 1 start, the last at 21:04:05',
      'other      ready  hello.jitsu.test         3  12 s ago      1 min 48 s',
      '  process, 127.0.0.80, 1 start, the last at 21:04:05',
      '',
    ]);
    assert.ok(lines(table).every(({ length }) => length <= 80));
  });

  it('says no time until a stop that is decided or under way', () => {
    const due = aUnikernelStatus({ stopAt: reportTime - 1 });
    assert.match(statusTable(aStatusReport([due]), undefined), /12 s ago +now\n$/);
    const { stopAt: _, ...stopping } = aUnikernelStatus({ phase: 'stopping' });
    assert.match(statusTable(aStatusReport([stopping]), undefined), / stopping .* -\n$/);
  });

  it('says what runs by an earlier definition', () => {
    const web = aUnikernelStatus({ name: 'web', outdated: 'command and\u001b ip' });
    assert.match(
      statusTable(aStatusReport([aUnikernelStatus(), web]), undefined),
      /\n\nweb runs by an earlier definition: its command and\\x1b ip changed\. It is started anew/,
    );
  });

  it('lists what is not configured any more, also where nothing is', () => {
    const old = aUnikernelStatus({ name: 'old\u001b', domainId: 4_712 });
    const line =
      'NOT CONFIGURED ANY MORE: old\\x1b (process, running as 4712) at 127.0.0.80; "jitsu stop old\\x1b" stops it, and nothing else does';
    for (const unikernels of [[], [aUnikernelStatus()]]) {
      const text = statusTable({ ...aStatusReport(unikernels), strays: [old] }, undefined);
      assert.ok(lines(text).includes(line), text);
    }
  });

  it('says how many there are that it does not show', () => {
    const report = { ...aStatusReport([aUnikernelStatus()]), further: 990_000 };
    assert.match(statusTable(report, undefined), /\n\n990000 more are not shown/);
  });

  it('keeps a unikernel with many addresses together', () => {
    const addresses = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
    const table = statusTable(
      aStatusReport([aUnikernelStatus({ addresses }), aUnikernelStatus({ name: 'other' })]),
      80,
    );
    assert.match(table, /\nhello .*\n {2}process, 192\.0\.2\.1 192\.0\.2\.2 192\.0\.2\.3, .*\nother /);
  });

  it('says below what the cache is good for, once something has been forwarded', () => {
    const cache = {
      hits: 1_190,
      misses: 812,
      stale: 10,
      prefetches: 5,
      entries: 790,
      bytes: 524_288,
      size: 33_554_432,
    };
    const report = {
      ...aStatusReport([aUnikernelStatus()]),
      dns: { cache, refused: {}, upstreamAnswers: { malformed: 0, scrubbed: 0, rebinding: 0 } },
    };
    assert.deepEqual(lines(statusTable(report, undefined)).slice(-3), [
      '',
      'cache: 790 answers in 0.5 of 32 MiB, for 1200 of 2012 forwarded queries',
      '',
    ]);
  });

  it('says below whom notifiers reach, also where there is no unikernel', () => {
    const notifiers = [
      { name: 'synjitsu', connected: true, detail: 'domain 3, port synjitsu' },
      { name: 'other', connected: false, detail: 'nobody listens' },
    ];
    for (const unikernels of [[], [aUnikernelStatus()]]) {
      assert.deepEqual(lines(statusTable(aStatusReport(unikernels, notifiers), undefined)).slice(-4), [
        '',
        'notifier synjitsu: connected: domain 3, port synjitsu',
        'notifier other: NOT CONNECTED: nobody listens',
        '',
      ]);
    }
  });

  it('says of a unikernel that has never been asked for that it is off, and nothing else', () => {
    const {
      startedAt: _started,
      stopAt: _stop,
      ...resting
    } = aUnikernelStatus({ state: 'off', phase: 'down', totalStarts: 0 });
    const report = aStatusReport([{ ...resting, names: [{ name: 'a.test', requests: 0 }] }]);
    assert.match(statusTable(report, undefined), /hello +process +off +a\.test +127\.0\.0\.80 +- +0 +0 +- +-\n/);
  });

  it('says why a unikernel fails, how often it has, and when it may be tried again', () => {
    const failure = {
      at: reportTime - 3_000,
      code: 'JITSU_SUMMON_DIED',
      reason: 'exited with status 1: cannot bind',
      count: 4,
      retryAt: reportTime + 5_000,
    };
    const table = statusTable(
      aStatusReport([aUnikernelStatus({ phase: 'failing', state: 'off', failure })]),
      undefined,
    );
    assert.match(table, /hello +process +failing/);
    assert.match(
      table,
      /\nhello failed 4 times in a row, 3 s ago \(JITSU_SUMMON_DIED\): exited with status 1: cannot bind; the next summon may begin in 5 s\.\n/,
    );
    const { retryAt: _, ...lasting } = failure;
    const told = statusTable(aStatusReport([aUnikernelStatus({ phase: 'failing', failure: lasting })]), undefined);
    assert.match(told, /cannot bind; it is not tried again\.\n/);
  });

  it('says why one that was ready is so no longer', () => {
    const failure = {
      ...{ at: reportTime - 3_000, code: 'JITSU_SERVICE_UNREADY', reason: 'tcp:80 refuses connections.' },
      ...{ count: 0, retryAt: reportTime - 3_000 },
    };
    const report = aStatusReport([aUnikernelStatus({ phase: 'failing', state: 'running', failure })]);
    assert.match(
      statusTable(report, undefined),
      /\nhello stopped answering, 3 s ago \(JITSU_SERVICE_UNREADY\): tcp:80 refuses connections\.\n/,
    );
  });

  it('says so when there is nothing to show', () => {
    assert.match(statusTable(aStatusReport([]), 80), /\n\nIt serves no unikernel\.\n$/);
  });

  it('lets no unikernel write to the terminal by its name', () => {
    assert.ok(!statusTable(aStatusReport([aUnikernelStatus({ name: 'x\x1b[2J' })]), 80).includes('\x1b'));
  });

  it('has no character of another that would move the cursor, wherever it is', () => {
    const evil = '\u001b[2J\u202e\u009b';
    const failure = { count: 1, at: 0, retryAt: 1, reason: evil, code: evil };
    const unikernel = {
      ...aUnikernelStatus({ name: evil, backend: evil, addresses: [evil], phase: 'failing', failure }),
      state: evil,
    };
    const names = [{ name: evil, requests: 1 }];
    const report = {
      ...aStatusReport(
        [{ ...unikernel, names } as never, { ...unikernel, phase: 'down' } as never],
        [{ name: evil, connected: false, detail: evil }],
      ),
      ...{ version: evil, listening: [{ address: evil, port: 1 }] },
    };
    for (const columns of [undefined, 80]) {
      // eslint-disable-next-line no-control-regex -- they must not be there
      assert.doesNotMatch(statusTable(report, columns), /[\u001b\u009b\u202e]/u);
    }
  });
});
