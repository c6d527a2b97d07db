import { ManualClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { UserAccounts } from '#process/user-accounts.js';
import { InheritableFile } from '../../support/inheritable-file.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('the accounts of users', () => {
  let folder: TemporaryFolder;
  let clock: ManualClock;
  let accounts: UserAccounts;
  const { PATH } = process.env;

  beforeEach(() => {
    folder = new TemporaryFolder();
    clock = new ManualClock();
    const lines = [
      'root:x:0:0:root:/root:/bin/sh',
      'web:x:4711:4712:::/bin/sh',
      ':x:1:1::/:',
      'half:x:5',
      'nogid:x:6::::',
      'nouid:x::7:::',
      'homeless:x:8:8:',
      '',
    ];
    writeFileSync(folder.in('passwd'), lines.join('\n'));
    accounts = new UserAccounts(clock, folder.in('passwd'));
    // As id(1), which also knows the users of a directory service.
    const script = `#!/bin/sh
echo "$@" >> ${folder.in('asked')}
case "$1 $3" in '-u far') echo 4713;; '-g far') echo 4714;; *) exit 1;; esac
`;
    writeFileSync(folder.in('id'), script);
    chmodSync(folder.in('id'), 0o755);
    process.env.PATH = `${folder.path}:${PATH}`;
  });

  afterEach(() => {
    process.env.PATH = PATH;
    folder[Symbol.dispose]();
  });

  it('are found by name and by number in the file of passwords', async () => {
    const web = { name: 'web', uid: 4_711, gid: 4_712, home: '' };
    assert.deepEqual([await accounts.find('web'), await accounts.find(4_711)], [web, web]);
    assert.deepEqual(await accounts.find('root'), { name: 'root', uid: 0, gid: 0, home: '/root' });
  });

  it('are their own groups where only a number is known', async () => {
    assert.deepEqual(await accounts.find(5), { uid: 5, gid: 5 });
    assert.deepEqual(await accounts.find(1), { uid: 1, gid: 1 });
  });

  it('are asked of the system where the file does not have the name', async () => {
    const far = { name: 'far', uid: 4_713, gid: 4_714 };
    assert.deepEqual([await accounts.find('far'), await accounts.find('far')], [far, far]);
    assert.equal(readFileSync(folder.in('asked'), 'utf8'), '-u -- far\n-g -- far\n');
    for (const name of ['ghost', 'half', 'nogid', 'nouid', 'homeless']) {
      assert.equal(await accounts.find(name), undefined, name);
    }
  });

  it('are asked by a program that gets no file of a library, and no secret', async () => {
    const script = `#!/bin/sh\nls /proc/self/fd > ${folder.in('files')}\nenv > ${folder.in('variables')}\necho 4713\n`;
    writeFileSync(folder.in('id'), script);
    const file = new InheritableFile(folder.in('store'));
    process.env['JITSU_XAPI_PASSWORD'] = 'secret';
    try {
      assert.deepEqual(await accounts.find('far'), { name: 'far', uid: 4_713, gid: 4_713 });
    } finally {
      Reflect.deleteProperty(process.env, 'JITSU_XAPI_PASSWORD');
      file[Symbol.dispose]();
    }
    assert.deepEqual(readFileSync(folder.in('files'), 'utf8'), '0\n1\n2\n3\n');
    assert.doesNotMatch(readFileSync(folder.in('variables'), 'utf8'), /^(JITSU_|HOME=)/m);
  });

  it('have groups by name and by number', () => {
    writeFileSync(folder.in('group'), 'root:x:0:\nkvm:x:104:web\n:x:3:\nbroken\n');
    const own = new UserAccounts(clock, folder.in('passwd'), folder.in('group'));
    assert.deepEqual(
      ['root', 'kvm', 7, '', 'broken', 'ghosts'].map((group) => own.findGroup(group)),
      [...[0, 104, 7, undefined, undefined, undefined]],
    );
    assert.equal(accounts.findGroup('root'), 0);
  });

  it('are the real ones by default', async () => {
    const found = await new UserAccounts(clock).find('root');
    assert.deepEqual([found?.uid, found?.gid, found?.name], [0, 0, 'root']);
  });
});
