import assert from 'node:assert/strict';
import type { LibvirtConnection } from '#libvirt/libvirt-connection.js';
import { LibvirtDomain } from '#libvirt/libvirt-domain.js';

/** virDomainState. */
const RUNNING = 1;
const PAUSED = 3;
const SHUTOFF = 5;
const PMSUSPENDED = 7;

/** A domain in that state, and what libvirt is asked to do with it. */
function aDomain(state: number): { domain: LibvirtDomain; asked: string[] } {
  const asked: string[] = [];
  const call = async (operation: string): Promise<unknown> => {
    if (operation === 'state') return { state, reason: 0 };
    asked.push(operation);
    return undefined;
  };
  const connection = { uri: 'test:///', call } as unknown as LibvirtConnection;
  return { domain: new LibvirtDomain('id-of-web', 'web', undefined, connection), asked };
}

describe('a shutdown of a domain of libvirt', () => {
  for (const [what, state, operations] of [
    ['asks one that runs', RUNNING, ['shutdown']],
    ['resumes one that is paused, since it could not follow', PAUSED, ['resume', 'shutdown']],
    ['wakes one up that sleeps', PMSUSPENDED, ['wakeUp', 'shutdown']],
    ['asks nothing of one that is off', SHUTOFF, []],
  ] as const) {
    it(what, async () => {
      const { domain, asked } = aDomain(state);
      await domain.stop('shutdown');
      assert.deepEqual(asked, operations);
    });
  }
});
