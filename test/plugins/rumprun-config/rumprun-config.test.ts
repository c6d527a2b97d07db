import { describeBootConfigurator } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { SystemClock } from '#core/clock.js';
import { RumprunConfig } from '#rumprun-config/rumprun-config.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { opened } from '../../support/xenstore/opened.js';
import { PrivateXenstored } from '../../support/xenstore/private-xenstored.js';

const CONFIG = '{,\n\t"cmdline": "nginx",\n},\n';

describe('the rumprun configurator', () => {
  let folder: TemporaryFolder;
  let file: string;
  const configurator = new RumprunConfig(new SystemClock(), new MemoryLogger());

  beforeEach(() => {
    folder = new TemporaryFolder();
    file = folder.in('json.cfg');
    writeFileSync(file, CONFIG);
  });

  afterEach(() => folder[Symbol.dispose]());

  const unikernel = () => ({ name: 'web', options: { rumprunConfig: file } });

  it('leaves alone who has no configuration', async () => {
    const plain = { name: 'web', options: {} };
    await configurator.check(plain);
    await configurator.configure({ ...plain, id: 'id', domainId: 5 });
    assert.equal(await configurator.commandLine(plain), undefined);
  });

  it('gives a kernel’s command line the configuration on one line', async () => {
    assert.equal(await configurator.commandLine(unikernel()), '{"cmdline":"nginx"}');
  });

  it('says of a file that is not there which, and whose', async () => {
    file = folder.in('none');
    await assert.rejects(configurator.check(unikernel()), {
      code: 'JITSU_UNIKERNEL_INVALID',
      message: /^rumprun_config of web: .*none cannot be read: ENOENT/,
    });
  });

  it('takes no byte order mark for a part of the text', async () => {
    writeFileSync(file, `\uFEFF${CONFIG}`);
    assert.equal(await configurator.commandLine(unikernel()), '{"cmdline":"nginx"}');
  });

  it('says in which line the mistake is', async () => {
    writeFileSync(file, '{\n  "cmdline": nginx\n}\n');
    await assert.rejects(configurator.check(unikernel()), {
      code: 'JITSU_UNIKERNEL_INVALID',
      message: `rumprun_config of web: ${file}:2:14: a value expected, "n" found.`,
    });
  });

  it('refuses what is no text', async () => {
    writeFileSync(file, Buffer.from([0x7b, 0xff, 0x7d]));
    await assert.rejects(configurator.check(unikernel()), /is not text in UTF-8\.$/);
  });

  it('reads no more of a file than a guest would take', async () => {
    file = '/dev/zero';
    await assert.rejects(configurator.check(unikernel()), /\/dev\/zero is longer than 65536 bytes/);
  });

  it('takes spaces away before it calls a configuration too long for the store', async () => {
    const filled = (length: number): string => `{"a":"${'x'.repeat(length - '{"a":""}'.length)}"}`;
    writeFileSync(file, `  ${filled(4_064)}  `);
    await configurator.check(unikernel());
    writeFileSync(file, filled(4_065));
    await assert.rejects(configurator.check(unikernel()), /4065 bytes without its spaces, and xenstore holds 4064/);
  });

  describe('with a xenstored', () => {
    const socketBefore = process.env['XENSTORED_PATH'];
    let xenstored: PrivateXenstored;

    before(async function () {
      this.timeout(120_000);
      xenstored = await PrivateXenstored.start(this);
      process.env['XENSTORED_PATH'] = xenstored.socket;
    });

    after(async () => {
      if (socketBefore === undefined) delete process.env['XENSTORED_PATH'];
      else process.env['XENSTORED_PATH'] = socketBefore;
      await xenstored[Symbol.asyncDispose]();
    });

    const boot = (domainId: number) => configurator.configure({ ...unikernel(), id: 'id', domainId });

    it('writes the text as it stands in the file, where the guest looks for it', async () => {
      await boot(5);
      await using xenstore = await opened(xenstored);
      assert.equal(await xenstore.read('/local/domain/5/rumprun/cfg'), CONFIG);
    });

    it('reads the file anew for each boot', async () => {
      await boot(6);
      writeFileSync(file, '{"cmdline":"other"}');
      await boot(7);
      await using xenstore = await opened(xenstored);
      assert.equal(await xenstore.read('/local/domain/7/rumprun/cfg'), '{"cmdline":"other"}');
    });

    it('gets the longest configuration that it takes into the store of the highest domain', async () => {
      const longest = `{"a":"${'é'.repeat((4_064 - 8) / 2)}"}`;
      assert.equal(Buffer.byteLength(longest), 4_064);
      writeFileSync(file, longest);
      await boot(65_535);
      await using xenstore = await opened(xenstored);
      assert.equal(await xenstore.read('/local/domain/65535/rumprun/cfg'), longest);
    });

    describeBootConfigurator('the rumprun configurator', {
      setUp: async () => {
        await xenstored.kill();
        await xenstored.start();
      },
      breakDown: () => xenstored.kill(),
      configurator: () => configurator,
      concerned: () => ({ rumprunConfig: file }),
      unconcerned: () => ({}),
      found: async ({ domainId }) => {
        await using xenstore = await opened(xenstored);
        const key = `/local/domain/${domainId}/rumprun/cfg`;
        return (await xenstore.exists(key)) ? await xenstore.read(key) : undefined;
      },
      refused: [
        {
          because: 'a file that is not there',
          options: () => ({ rumprunConfig: folder.in('none') }),
          problem: /none cannot be read: ENOENT/,
        },
      ],
    });

    it('fails the boot when xenstored is away', async () => {
      await xenstored.kill();
      await assert.rejects(boot(8), { code: 'JITSU_BACKEND_UNREACHABLE' });
    });
  });
});
