import assert from 'node:assert/strict';
import type { Core } from '#cli/core.js';
import { fakeCore } from './fake-core.js';

type Client = ReturnType<Core['controlClient']>;

/** A core whose control socket, `/control.sock`, does only what a test gives it. */
export function coreWithControl(parts: Partial<Client>): Core {
  const never = (name: string) => () => assert.fail(`${name} was asked for`);
  const client: Client = {
    status: never('status'),
    statusOf: never('statusOf'),
    summon: never('summon'),
    stop: never('stop'),
    summonGroup: never('summonGroup'),
    stopGroup: never('stopGroup'),
    keep: never('keep'),
    flush: never('flush'),
    history: never('history'),
    ...parts,
  };
  return fakeCore({
    controlClient: (socket) => {
      assert.equal(socket, '/control.sock');
      return client;
    },
  });
}
