import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { SystemClock } from '#core/clock.js';
import { libxlOptions } from '#libxl/libxl-options.js';
import { RumprunConfig } from '#rumprun-config/rumprun-config.js';
import { LibxlHost, optionsOf } from '../../../../support/libxl/libxl-host.js';
import { MemoryLogger } from '../../../../support/memory-logger.js';
import { TemporaryFolder } from '../../../../support/temporary-folder.js';
import { Dom0 } from '../../../../support/xen/dom0.js';
import type { MachinesById } from '../../../../support/machines-by-id.js';

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
  let host: LibxlHost;
  let backend: MachinesById;

  before(async function () {
    this.timeout(120_000);
    dom0 = await Dom0.open(this);
    host = new LibxlHost();
    backend = host.machines([configurator]);
    await backend.connect();
  });

  after(async () => {
    await backend.close();
    await dom0[Symbol.asyncDispose]();
    host[Symbol.dispose]();
    folder[Symbol.dispose]();
  });

  it('has put the configuration into the store when the guest reads for the first time', async () => {
    const file = folder.in('json.cfg');
    await writeFile(file, CONFIG);
    const guest = dom0.guest('rumprun', { readKey: 'rumprun/cfg' });
    const options = { ...libxlOptions.parse(optionsOf(guest)), rumprunConfig: file };
    const registration = { name: guest.name, options };
    await configurator.check(registration);
    await backend.start(await backend.register(registration));
    const text = await dom0.untilConsole(guest, /^serving at/m);
    assert.ok(text.includes(`rumprun/cfg is ${CONFIG.trimEnd()}\n`), text);
  });
});
