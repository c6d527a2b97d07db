/**
 * `npm run soak [-- --minutes 60 --transport dgram --seed N]`: wears a real Jitsu out for an hour with everyday queries,
 * ten million spoilt messages, boots and stops, outages of its upstream and abuse of TCP; prints a line a minute and a
 * verdict. Its exit status is 0 if nothing was wrong.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { askForAddress } from '../bench/ask.js';
import { enduranceArguments } from '../support/endurance-arguments.js';
import { freePort } from '../support/free-port.js';
import { JitsuChild } from '../bench/jitsu-child.js';
import { LightGuest } from '../support/light-guest.js';
import { numbersFrom } from '../support/numbers-from.js';
import { Abuse } from './abuse.js';
import { Observer } from './observer.js';
import { readyNames, soakUnikernels } from './soak-setting.js';
import { SoakUpstream, type UpstreamMood } from './soak-upstream.js';
import { SteadyTraffic } from './steady-traffic.js';
import { StubResolver } from './stub-resolver.js';

/** Ten million in an hour; a shorter run gets its share. */
const SPOILT_PER_SECOND = 10_000_000 / 3_600;
/** The course of every minute: how long the upstream fares how, in milliseconds. */
const WEATHER: readonly (readonly [UpstreamMood, number])[] = [
  ['well', 22_000],
  ['silent', 8_000],
  ['well', 22_000],
  ['failing', 8_000],
];

const HELP = `npm run soak -- [--minutes COUNT] [--transport NAME] [--seed NUMBER]

Wears a Jitsu out, and ends with status 0 if nothing was wrong.`;

const { minutes, transport, seed } = enduranceArguments(HELP);
const faults = await soak();
console.log(
  faults.length === 0 ? '\nNothing was wrong.' : `\nWrong:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
);
process.exitCode = faults.length === 0 ? 0 : 1;

async function soak(): Promise<string[]> {
  const guestPort = await freePort();
  // Else the upstream, which lives in the same process as those who measure, would get most of what is spoilt.
  const zones = ['example.org', 'lab.test', 'in-addr.arpa'].map((name) => ({ name, authoritative: true }));
  using upstream = await SoakUpstream.open();
  using guest = new LightGuest();
  await using jitsu = await JitsuChild.start(soakUnikernels(guest, guestPort), readyNames[0]?.name ?? '', {
    dns: { transport, zones, forwarders: `127.0.0.1:${upstream.port}`, forwardTimeout: 1 },
    settings: { log: { level: 'error' } },
    tells: true,
  });
  for (const { name } of readyNames) await askForAddress(jitsu.port, name);
  using stub = await StubResolver.open(jitsu.port);
  const traffic = new SteadyTraffic(stub, upstream, guestPort, numbersFrom(seed));
  const abuse = new Abuse({ port: jitsu.port, seed, perSecond: SPOILT_PER_SECOND });
  const end = new AbortController();
  const flowing = Promise.all([traffic.flow(end.signal), changeWeather(upstream, end.signal)]);
  const observer = new Observer(jitsu, traffic, abuse);
  try {
    await observer.watch(minutes);
  } finally {
    end.abort();
    upstream.mood = 'well';
    await Promise.all([abuse.end(), flowing]);
  }
  return observer.verdict();
}

async function changeWeather(upstream: SoakUpstream, signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted; n += 1) {
    const [mood, duration] = WEATHER[n % WEATHER.length] as (typeof WEATHER)[number];
    upstream.mood = mood;
    await sleep(duration, undefined, { signal }).catch(() => undefined);
  }
}
