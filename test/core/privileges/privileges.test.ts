import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { Privileges, type RootNeed } from '#core/privileges/privileges.js';
import type { Settings } from '#core/config/settings.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { requireRoot } from '../../support/require-tool.js';

/** Has no name on any machine. */
const STRANGER = 4_000_001;

const NEED: RootNeed = { name: 'toy', reason: 'toys are for grown-ups' };

describe('privileges', () => {
  const logger = new MemoryLogger();

  function privilegesOf(
    privileges: Settings['privileges'],
    { needs = [], pluginFiles = [] }: { needs?: RootNeed[]; pluginFiles?: string[] } = {},
  ): Privileges {
    return new Privileges({ privileges, pluginFiles, runtimeDirectory: '/' }, () => needs, logger);
  }

  it('are not given up where the configuration says so', () => {
    const privileges = privilegesOf('none');
    privileges.prepare();
    assert.equal(privileges.user, undefined);
    assert.deepEqual(privileges.runsAs, { uid: userInfo().uid });
  });

  describe('of root', () => {
    before(function () {
      requireRoot(this);
    });

    const refused = (privileges: Settings['privileges'], reason: RegExp) =>
      assert.throws(() => privilegesOf(privileges), { code: 'JITSU_CONFIG_INVALID', message: reason });

    it('are given up for the configured user', () => {
      const privileges = privilegesOf({ user: STRANGER });
      privileges.prepare();
      assert.equal(privileges.user?.uid, STRANGER);
    });

    it('are not given up for root, for nobody, or for the person who called', () => {
      refused({ user: 'nobody-of-this-name' }, /privileges\.user: 'nobody-of-this-name'\. There is no such user/);
      process.env['SUDO_UID'] = String(STRANGER);
      try {
        refused({ user: STRANGER }, /privileges\.user: 4000001\. That is you/);
      } finally {
        Reflect.deleteProperty(process.env, 'SUDO_UID');
      }
    });

    it('are not given up for the owner of the installed Jitsu, who could change what root runs', () => {
      const settings = { privileges: { user: STRANGER }, pluginFiles: [], runtimeDirectory: '/' };
      const given = (): Privileges => new Privileges(settings, () => [], logger, new Set([0, STRANGER]));
      assert.throws(given, { code: 'JITSU_CONFIG_INVALID', message: /The installed Jitsu belongs to it/ });
    });

    it('are kept by default where the user could not read a plugin, and a configured one is refused', function () {
      const closed = '/etc/shadow';
      const privileges = privilegesOf({}, { pluginFiles: [closed] });
      privileges.prepare();
      assert.equal(privileges.user, undefined);
      assert.match(privileges.runsAs?.rootKept ?? '', /may not enter or read \/etc\/shadow/);
      const configured = privilegesOf({ user: STRANGER }, { pluginFiles: [closed] });
      assert.throws(() => configured.prepare(), { code: 'JITSU_CONFIG_INVALID', message: /\/etc\/shadow/ });
    });

    it('are kept by default where the user could not get to the runtime folder', () => {
      using folder = new TemporaryFolder();
      const settings = { privileges: {}, pluginFiles: [], runtimeDirectory: folder.in('run') };
      const privileges = new Privileges(settings, () => [], logger);
      privileges.prepare();
      assert.match(privileges.runsAs?.rootKept ?? '', new RegExp(`may not enter ${folder.path}, and needs`));
    });

    it('are kept by default where a part needs them, but not with a configured user, who may have its rights', async () => {
      const privileges = privilegesOf({}, { needs: [NEED] });
      privileges.prepare();
      assert.match(privileges.runsAs?.rootKept ?? '', /^toy needs root, since toys are for grown-ups\. If a user of/);
      await privileges.seal(() => assert.fail('nothing is sealed'));
      privileges.giveUp();
      assert.match(logger.lines.at(-1) ?? '', /runs as root, with all its rights: toy needs root/);

      const configured = privilegesOf({ user: STRANGER }, { needs: [NEED] });
      configured.prepare();
      assert.equal(configured.user?.uid, STRANGER);
      // libvirt refuses to run where the real ones are others than the effective ones.
      const ids = (): unknown => [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()];
      const before = ids();
      await configured.connect(async () => assert.deepEqual(ids(), Array(4).fill(STRANGER)), NEED.reason);
      assert.deepEqual(ids(), before);
      await configured.connect(async () => assert.equal(process.geteuid?.(), 0), undefined);
    });

    it('are kept where the kernel would go on as root, or does not let it become another user', () => {
      process.env['UV_USE_IO_URING'] = '1';
      try {
        const privileges = privilegesOf({});
        privileges.prepare();
        assert.match(privileges.runsAs?.rootKept ?? '', /UV_USE_IO_URING is set/);
      } finally {
        Reflect.deleteProperty(process.env, 'UV_USE_IO_URING');
      }
    });

    it('that would be given up are foretold', () => {
      assert.equal(
        privilegesOf({ user: STRANGER }).foretold(),
        `the user with the number ${STRANGER}, once it listens`,
      );
      assert.match(privilegesOf({}, { needs: [NEED] }).foretold() ?? '', /^root: toy needs root/);
      assert.equal(privilegesOf('none').foretold(), undefined);
    });
  });
});
