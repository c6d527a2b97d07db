import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { localAccounts } from '#core/files/accounts.js';
import { defaultRunUser, findRunUser, userInWords } from '#core/privileges/run-user.js';

describe('the user that Jitsu becomes', () => {
  it('is an account by its name or number, with its groups', () => {
    const own = localAccounts().find(({ uid }) => uid === userInfo().uid);
    assert.ok(own);
    for (const user of [own.name, own.uid, String(own.uid)]) {
      const found = findRunUser(user);
      assert.deepEqual({ ...found, groups: undefined }, { ...own, groups: undefined });
      assert.ok(found?.groups.includes(own.gid));
    }
  });

  it('may be a number without an account, which is its own group and has no other', () => {
    assert.deepEqual(findRunUser(4_000_001), { uid: 4_000_001, gid: 4_000_001, groups: [] });
    assert.equal(userInWords({ uid: 4_000_001 }), 'the user with the number 4000001');
  });

  it('is nobody where a name is unknown', () => {
    assert.equal(findRunUser('nobody-of-this-name'), undefined);
  });

  it('is by default the account jitsu, or else a number that nobody has', () => {
    const account = localAccounts().find(({ name }) => name === 'jitsu');
    const user = defaultRunUser(new Set([0]));
    if (account !== undefined) assert.equal(user?.uid, account.uid);
    else assert.deepEqual(user, { uid: 65_533, gid: 65_533, groups: [] });
    const others = new Set([user?.uid ?? 0]);
    assert.notEqual(defaultRunUser(others)?.uid, user?.uid, 'it is one that root trusts');
  });
});
