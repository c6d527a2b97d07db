import { Buffer } from 'node:buffer';
import { readAll } from '../../support/netfilter/read-all.js';
import { RECORDED, recorded } from '../../support/netfilter/recorded-netlink.js';
import { ByteMutator } from '../byte-mutator.js';
import type { FuzzTarget } from '../fuzz-target.js';

/** Messages of netlink, with the packets of strangers in them. */
export const netlink: FuzzTarget = {
  name: 'netlink',
  about: 'what the kernel sends on netlink, and the packets of strangers in it',
  covers: ['/plugins/netfilter/dist/netlink/'],
  mostCpu: 1_000,
  seeds: () => (Object.keys(RECORDED) as (keyof typeof RECORDED)[]).map(recorded),
  mutator: (corpus, numbers) => new ByteMutator(corpus, numbers).mutate,
  open: () =>
    Promise.resolve({
      run: async (input, meter) => {
        await meter.packet(() => Promise.resolve(readAll(Buffer.from(input))));
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};
