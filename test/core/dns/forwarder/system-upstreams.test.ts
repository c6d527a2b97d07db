import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseResolvConf, SystemUpstreams } from '#core/dns/forwarder/system-upstreams.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';

describe("the system's name servers", () => {
  let folder: string;
  let file: string;
  let upstreams: SystemUpstreams;
  let clock: ManualClock;
  let log: DnsLog;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jitsu-resolv-'));
    file = join(folder, 'resolv.conf');
    [clock, log] = [new ManualClock(), new DnsLog()];
    upstreams = new SystemUpstreams(file, 5353, { clock, logger: log });
  });

  afterEach(async () => {
    upstreams.close();
    await rm(folder, { recursive: true });
  });

  const addresses = (): string[] => upstreams.current.map(({ address }) => address);

  /** Waits for the kernel to tell of the change, lets it settle, and waits for the file to be read. */
  const untilNoticed = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
      await new Promise((resolve) => setImmediate(resolve));
      if (clock.pending > 0) await clock.advance(100);
    }
  };

  const replaceBy = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };

  it('are read when opened, with the port that is set', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    await upstreams.open();
    assert.deepEqual(upstreams.current, [{ address: '192.0.2.1', port: 5353 }]);
  });

  it('are read again when the file is replaced, and when it is replaced again', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    await upstreams.open();
    for (const address of ['192.0.2.2', '192.0.2.3']) {
      await replaceBy(`nameserver ${address}\n`);
      await untilNoticed(() => addresses()[0] === address);
    }
  });

  it('are read again when nobody has answered, if the file is another one, at most once a second', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    await upstreams.open();
    upstreams['unwatch']();
    await writeFile(file, 'nameserver 192.0.2.22\n');
    await upstreams.lookAgain();
    assert.deepEqual(addresses(), ['192.0.2.22']);
    upstreams['unwatch']();
    await writeFile(file, 'nameserver 192.0.2.3\n');
    await upstreams.lookAgain();
    assert.deepEqual(addresses(), ['192.0.2.22']);
    await clock.advance(1_000);
    await upstreams.lookAgain();
    assert.deepEqual(addresses(), ['192.0.2.3']);
    await clock.advance(1_000);
    upstreams['unwatch']();
    await rm(file);
    await upstreams.lookAgain();
    assert.equal(log.at('warn').length, 1);
    await clock.advance(1_000);
    await upstreams.lookAgain();
    assert.equal(log.at('warn').length, 1, 'it is as missing as before');
  });

  it('are read again when the file that a symbolic link names changes', async () => {
    const real = join(folder, 'run', 'resolv.conf');
    await mkdir(join(folder, 'run'));
    await writeFile(real, 'nameserver 192.0.2.1\n');
    await symlink(real, file);
    await upstreams.open();
    await writeFile(real, 'nameserver 192.0.2.2\n');
    await untilNoticed(() => addresses()[0] === '192.0.2.2');
  });

  it('stay as they were when the file is emptied or removed, and the log says so', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    await upstreams.open();
    await replaceBy('# nothing\n');
    await untilNoticed(() => log.at('warn').length === 1);
    await rm(file);
    await untilNoticed(() => log.at('warn').length === 2);
    assert.match(log.at('warn').join('\n'), /no name server in this file.*\n.*cannot read/);
    assert.deepEqual(addresses(), ['192.0.2.1']);
    await replaceBy('nameserver 192.0.2.2\n');
    await untilNoticed(() => addresses()[0] === '192.0.2.2');
  });

  it('are watched by as many watchers after several changes as before, and by none once closed', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    await upstreams.open();
    assert.equal(upstreams['watchers'].length, 2, 'the folder and the file');
    await replaceBy('nameserver 192.0.2.2\n');
    await untilNoticed(() => addresses()[0] === '192.0.2.2');
    assert.equal(upstreams['watchers'].length, 2, 'the folder and the file');
    await replaceBy('nameserver 192.0.2.3\n');
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    upstreams.close();
    assert.deepEqual([clock.pending, upstreams['watchers'].length], [0, 0]);
    const opening = upstreams.open();
    upstreams.close();
    await opening;
    assert.equal(upstreams['watchers'].length, 0, 'closed while it was opened');
  });

  it('are none where the file is missing, until it appears', async () => {
    await upstreams.open();
    assert.deepEqual(addresses(), []);
    await replaceBy('nameserver 192.0.2.1\n');
    await untilNoticed(() => addresses()[0] === '192.0.2.1');
  });

  it('are read again 100 ms after the last of several changes, and told of only where they are others', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    await upstreams.open();
    assert.deepEqual(log.entries, [
      {
        level: 'info',
        fields: { upstreams: ['192.0.2.1:5353'] },
        message: "forwarding to the system's name servers",
      },
    ]);
    const change = upstreams['changed'].bind(upstreams);
    await writeFile(file, 'nameserver 192.0.2.2\n');
    change();
    await clock.advance(60);
    change();
    assert.equal(clock.pending, 1);
    await clock.advance(99);
    for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(addresses(), ['192.0.2.1']);
    await clock.advance(1);
    await untilNoticed(() => addresses()[0] === '192.0.2.2');
    assert.equal(log.at('info').length, 2);
    const before = upstreams.current;
    change();
    await clock.advance(100);
    await untilNoticed(() => upstreams.current !== before);
    assert.equal(log.at('info').length, 2, 'they are the same');
  });

  it('are used though their changes cannot be noticed, which the log says', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    await upstreams.open();
    upstreams['watchers'][0]?.emit('error', new Error('too many'));
    assert.deepEqual(log.entries.at(-1), {
      ...{ level: 'warn', fields: { folder } },
      message: `changes of ${file} will not be noticed: too many`,
    });
    const nowhere = new SystemUpstreams(join(folder, 'none', 'resolv.conf'), 53, { clock, logger: log });
    await nowhere.open();
    assert.match(log.at('warn').join('\n'), /none\/resolv.conf will not be noticed: .*ENOENT.*\n.*keeping those known/);
    nowhere.close();
  });
});

describe('a resolv.conf', () => {
  it('gives its name servers in order and once, of both families, with the interface of one', () => {
    const text = [
      '# nameserver 192.0.2.9',
      '; nameserver 192.0.2.9',
      'search example.org',
      'nameserver 192.0.2.1',
      '\tnameserver\t2001:db8::1  # the second',
      'nameserver fe80::1%eth0\r',
      'nameserver 192.0.2.1',
      'nameserver somewhere.example.org',
      'nameservers 192.0.2.8',
      'nameserver',
      'options edns0 trust-ad',
    ].join('\n');
    assert.deepEqual(parseResolvConf(text), ['192.0.2.1', '2001:db8::1', 'fe80::1%eth0']);
  });

  it('may be empty', () => assert.deepEqual(parseResolvConf(''), []));
});
