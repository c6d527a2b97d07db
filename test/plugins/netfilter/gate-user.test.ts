import assert from 'node:assert/strict';
import { findGateUser } from '#netfilter/gate-user.js';

/** The map of the first user namespace, which has all numbers. */
const ALL = '         0          0 4294967295\n';

describe('the user of the gate', () => {
  const userWith = (files: { readonly passwd?: string; readonly group?: string; readonly map?: string }) => {
    const { passwd = 'root:x:0:0:root:/root:/bin/sh\n', group = 'root:x:0:\n', map = ALL } = files;
    const contents: Readonly<Record<string, string>> = {
      '/etc/passwd': passwd,
      '/etc/group': group,
      '/proc/self/uid_map': map,
    };
    return findGateUser((path) => contents[path] as string);
  };
  const account = (name: string, uid: number, gid = uid): string => `${name}:x:${uid}:${gid}::/:/bin/false\n`;

  it('is the first of its numbers that nobody has', () => {
    assert.equal(userWith({}), 65_520);
    assert.equal(userWith({ passwd: account('a', 65_520) }), 65_521);
    assert.equal(userWith({ passwd: account('a', 1_000, 65_520), group: 'b:x:65521:\n' }), 65_522);
  });

  it('is an account of its own where there is one, whatever its number is, but for root', () => {
    assert.equal(userWith({ passwd: account('jitsu-gate', 998) }), 998);
    assert.equal(userWith({ passwd: account('jitsu-gate', 0) }), 65_520);
  });

  it('is never the number that Jitsu itself takes, and none where all are taken', () => {
    const all = Array.from({ length: 13 }, (_, index) => account(`u${index}`, 65_520 + index)).join('');
    assert.equal(userWith({ passwd: all }), undefined);
  });

  it('is none that this user namespace does not have', () => {
    assert.equal(userWith({ map: '         0       1000          1\n' }), undefined);
    assert.equal(userWith({ map: '0 1000 1\n1 100000 65535\n' }), 65_520);
    assert.equal(userWith({ map: '0 1000 1\n1 100000 65519\n' }), undefined);
    assert.equal(userWith({ map: '' }), undefined);
  });

  it('is found where no file can be read but the map', () => {
    const user = findGateUser((path) => {
      if (path === '/proc/self/uid_map') return ALL;
      throw new Error('EACCES');
    });
    assert.equal(user, 65_520);
  });
});
