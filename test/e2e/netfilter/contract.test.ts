import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { NetworkNamespace } from '../../support/network-namespace.js';

const MOCHA = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const SUITES = fileURLToPath(new URL('../../support/netfilter/contract-suites.js', import.meta.url));

describe('the netfilter plugin', function () {
  this.timeout(180_000);

  it('passes the suites of the contracts', async function () {
    await using namespace = await NetworkNamespace.create(this);
    await namespace.run(process.execPath, MOCHA, '--no-config', '--reporter', 'dot', SUITES).catch((error: unknown) => {
      const { stdout } = error as { readonly stdout?: string };
      throw new Error(stdout ?? String(error));
    });
  });
});
