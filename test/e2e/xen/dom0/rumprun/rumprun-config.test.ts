import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { SystemClock } from '#core/clock.js';
import { RumprunConfig } from '#rumprun-config/rumprun-config.js';
import { MemoryLogger } from '../../../../support/memory-logger.js';
import { TemporaryFolder } from '../../../../support/temporary-folder.js';
import { Dom0 } from '../../../../support/xen/dom0.js';

/** As the rumprun tool writes it. */
const CONFIG = `{,
  "blk" :  {,
    "source": "etfs",
    "path": "xvda",
  },
  "cmdline": "nginx -c /data/conf/nginx.conf",
},
`;

describe('the rumprun configurator, on Xen', () => {
  const folder = new TemporaryFolder();
  const configurator = new RumprunConfig(new SystemClock(), new MemoryLogger());
  let dom0: Dom0;

  before(async function () {
    this.timeout(60_000);
    dom0 = await Dom0.open(this);
  });

  after(async () => {
    await dom0[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  it('has put the configuration into the store when the guest reads for the first time', async () => {
    const file = folder.in('json.cfg');
    await writeFile(file, CONFIG);
    const guest = dom0.guest('rumprun', { readKey: 'rumprun/cfg' });
    const domainId = await dom0.create(guest, '-p');
    const options = { rumprunConfig: file };
    await configurator.check({ name: guest.name, options });
    await configurator.configure({ name: guest.name, id: 'id', domainId, options });
    await dom0.xl('unpause', guest.name);
    const text = await dom0.untilConsole(guest, /^serving at/m);
    assert.ok(text.includes(`rumprun/cfg is ${CONFIG.trimEnd()}\n`), text);
  });
});
