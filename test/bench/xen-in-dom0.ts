/** A suite for the dom0 of the tests: it measures, and prints the times on the console. */
import { MARK } from './xen-mark.js';
import { measureXen } from './xen-times.js';

describe('Xen', () => {
  it('is measured', async function () {
    this.timeout(230_000);
    console.log(`\n${MARK}${JSON.stringify(await measureXen(this))}`);
  });
});
