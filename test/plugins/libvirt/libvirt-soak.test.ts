import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cannotRun } from '../../support/cannot-run.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';
import { wearOut, type Holding, type Wear } from '../../support/libvirt/wear.js';
import { medianGrowth } from '../../support/median-growth.js';

/** In KiB of each round. */
const MOST_KEPT = 0.25;
/** Resident memory is in part what V8 and malloc have not given back. */
const MOST_RESIDENT = 1;

describe('the libvirt backend, worn out', function () {
  this.timeout(240_000);

  before(function () {
    if (!existsSync('/proc/self/task')) cannotRun(this, 'there is no /proc to count threads and files in');
    using _driver = TestDriver.open(this);
  });

  it('holds no more after 5,000 starts and ends than after 1,000', async () => {
    const wear = await wearOut('power', { warmUp: 1_000, window: 500, windows: 8 });
    report('start and destroy', wear);
    sameHandles(wear);
    const { native, resident, ...heaps } = growth(wear);
    assertLess(native, MOST_KEPT, 'memory of C code');
    for (const [thread, grown] of Object.entries(heaps)) assertLess(grown, MOST_KEPT, `JavaScript in ${thread}`);
    assertLess(resident, MOST_RESIDENT, 'resident memory');
  });

  it('is seen to hold more where a KiB of each round is kept, in whichever place', async () => {
    const wear = await wearOut('leak', { warmUp: 250, window: 250, windows: 8 });
    report('start, destroy and leak', wear);
    const { native, resident, ...heaps } = growth(wear);
    assert.deepEqual(
      Object.keys(heaps).map((thread) => thread.replace(/ \d+$/, '')),
      ['main', 'libvirt events', 'libvirt call', 'libvirt call'],
    );
    for (const [thread, grown] of Object.entries(heaps)) assertMore(grown, 3 * MOST_KEPT, `JavaScript in ${thread}`);
    // Not every C library tells it.
    if (wear.holdings[0]?.nativeKiB !== 0) assertMore(native, 3 * MOST_KEPT, 'memory of C code');
    assertMore(resident, 3 * MOST_RESIDENT, 'resident memory');
  });

  it('holds no more after it has connected and closed 100 times', async () => {
    const wear = await wearOut('connection', { warmUp: 20, window: 20, windows: 5 });
    report('connect and close', wear);
    sameHandles(wear);
    const { native, resident: _resident, ...heaps } = growth(wear);
    // koffi keeps some 20 KiB of each thread that has loaded it.
    assertLess(native, 50, 'memory of C code');
    for (const [thread, grown] of Object.entries(heaps)) assertLess(grown, 10, `JavaScript in ${thread}`);
  });
});

function sameHandles({ holdings, isReleased }: Wear): void {
  const handles = ({ files, threads, resources, heapsKiB }: Holding): object => {
    return { files, threads, resources, heaps: Object.keys(heapsKiB) };
  };
  for (const holding of holdings) assert.deepEqual(handles(holding), handles(holdings[0] as Holding));
  assert.ok(isReleased, 'libvirt has freed the connection');
}

/** In KiB of each round, by place: `native`, `resident`, and each thread. */
function growth({ holdings }: Wear): Record<string, number> {
  const grown = (figure: (holding: Holding) => number | undefined): number =>
    medianGrowth(holdings.map((holding) => ({ rounds: holding.rounds, figure: figure(holding) ?? NaN })));
  const threads = Object.keys(holdings[0]?.heapsKiB ?? {});
  return {
    native: grown(({ nativeKiB }) => nativeKiB),
    resident: grown(({ residentKiB }) => residentKiB),
    ...Object.fromEntries(threads.map((thread) => [thread, grown(({ heapsKiB }) => heapsKiB[thread])])),
  };
}

function assertLess(grown: number | undefined, most: number, what: string): void {
  assert.ok(grown !== undefined && grown < most, `${what} grows by ${grown?.toFixed(3)} KiB in each round`);
}

function assertMore(grown: number | undefined, least: number, what: string): void {
  assert.ok(grown !== undefined && grown > least, `${what} grows by ${grown?.toFixed(3)} KiB in each round`);
}

function report(what: string, wear: Wear): void {
  const { rounds, files, threads, residentKiB } = wear.holdings.at(-1) as Holding;
  const grown = Object.entries(growth(wear)).map(([place, figure]) => `${place} ${figure.toFixed(3)}`);
  // eslint-disable-next-line no-console -- a figure that people want to see
  console.log(
    `      ${what}: ${rounds} rounds, and KiB kept of each: ${grown.join(', ')}; at the end ${files} files, ${threads} threads, ${residentKiB} KiB resident`,
  );
}
