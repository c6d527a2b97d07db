import { SqliteStateStore } from '#core/state/sqlite-state-store.js';
import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorCode, errorMessage } from '#core/errors.js';
import { anEvent, someCounters } from './store-records.js';

/**
 * A process of its own that opens the store in the folder given, and says on its standard output what comes of it:
 * `open`: opens, reads everything, closes. `fill`: appends events until three have failed, and tells why; goes on where
 * there is a ballast beside the store to be thrown off. `fill-and-open`: opens on a disk that is full. `write`:
 * appends events, `at` counting up from what is there, and prints each number once it is on the disk.
 */
const [task, folder = ''] = process.argv.slice(2);
const say = (words: string) => process.stdout.write(`${words}\n`);

if (task === 'fill-and-open') fillDisk();
const store = new SqliteStateStore({ path: folder, historyLimit: 1_000_000 });
try {
  await store.open();
  say('opened');
  if (task === 'fill') await fill();
  else if (task === 'write') await writeForEver();
  else {
    const [registrations, counters, events] = [
      await store.registrations(),
      await store.counters(),
      await store.history({}),
    ];
    await store.close();
    say(`read ${registrations.length} ${counters.length} ${events.length}`);
  }
} catch (error) {
  say(`${errorCode(error)} ${errorMessage(error)}`);
}

async function fill(): Promise<void> {
  let written = 0;
  for (let failures = 0; failures < 3;) {
    try {
      await Promise.all([store.appendEvent(anEvent()), store.saveCounters([someCounters({ totalStarts: written })])]);
      written += 1;
    } catch (error) {
      failures += 1;
      say(`${errorCode(error)} ${errorMessage(error)}`);
    }
  }
  const ballast = join(dirname(folder), 'ballast');
  if (existsSync(ballast)) {
    rmSync(ballast);
    await Promise.all([store.appendEvent(anEvent()), store.saveCounters([someCounters({ totalStarts: written })])]);
    written += 1;
    say('written again');
  }
  const kept = (await store.history({})).length;
  await store.close();
  say(kept >= written ? 'nothing lost' : `${written} written, ${kept} kept`);
}

/** Leaves less than a page. */
function fillDisk(): void {
  const file = openSync(join(dirname(folder), 'filling'), 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096));
  } catch {
    closeSync(file);
  }
}

async function writeForEver(): Promise<never> {
  for (let at = (await store.history({ limit: 1 }))[0]?.at ?? 0; ;) {
    at += 1;
    void store.saveCounters([someCounters({ totalStarts: at })]);
    await store.appendEvent(anEvent({ at }));
    // What the pipe does not take at once waits in this process, and would die with it.
    await new Promise((resolve) => process.stdout.write(`${at}\n`, resolve));
  }
}
