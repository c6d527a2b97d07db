import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cannotRun } from '../../support/cannot-run.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';
import { wearOut, type Holding, type Wear } from '../../support/libvirt/wear.js';

describe('the libvirt backend, worn out', function () {
  this.timeout(240_000);

  before(function () {
    if (!existsSync('/proc/self/task')) cannotRun(this, 'there is no /proc to count threads and files in');
    using _driver = TestDriver.open(this);
  });

  it('holds no more after 4,000 starts and ends than after 1,000', async () => {
    const wear = await wearOut('power', 1_000, 4_000);
    report('4,000 rounds of start and destroy', wear);
    sameHandles(wear);
    // A quarter of a KiB in each round would be 1,000.
    assert.ok(growth(wear, 'nativeKiB') < 1_000, 'memory of C code');
    assert.ok(growth(wear, 'heapKiB') < 1_000, 'memory of JavaScript');
    // That of the other threads' JavaScript is in this figure only, which is never quite steady.
    assert.ok(growth(wear, 'residentKiB') < 4_000, 'resident memory');
  });

  it('holds no more after it has connected and closed 100 times', async () => {
    const wear = await wearOut('connection', 20, 100);
    report('100 rounds of connect and close', wear);
    sameHandles(wear);
    // koffi keeps some 20 KiB of each thread that has loaded it.
    assert.ok(growth(wear, 'nativeKiB') < 5_000, 'memory of C code');
  });
});

function sameHandles({ before, after, isReleased }: Wear): void {
  const handles = ({ files, threads, resources }: Holding): object => ({ files, threads, resources });
  assert.deepEqual(handles(after), handles(before));
  assert.ok(isReleased, 'libvirt has freed the connection');
}

function growth({ before, after }: Wear, figure: keyof Holding): number {
  return after[figure] - before[figure];
}

function report(what: string, wear: Wear): void {
  const { files, threads, residentKiB } = wear.after;
  const grown = (['residentKiB', 'heapKiB', 'nativeKiB'] as const).map((name) => `${name} ${growth(wear, name)}`);
  // eslint-disable-next-line no-console -- a figure that people want to see
  console.log(
    `      ${what}: growth of ${grown.join(', ')}; at the end ${files} files, ${threads} threads, ${residentKiB} KiB resident`,
  );
}
