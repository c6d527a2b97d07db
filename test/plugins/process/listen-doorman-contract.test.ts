import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describeDoorman, type KnockingClient } from '@jitsud/core/testing';
import type { Machine } from '#core/contracts/machine.js';
import type { ProcessBackend } from '#process/process-backend.js';
import { processOptions } from '#process/process-options.js';
import { nodeFlags } from '../../support/node-flags.js';
import { ProcessSystem } from '../../support/process-system.js';

const PROGRAM = fileURLToPath(new URL('../../support/listening-program.js', import.meta.url));
const RULES = { idle: 900_000, outgoing: false, conntrack: false, ignored: [] };
const ADDRESS = `127.${192 + ((process.pid >> 8) & 31)}.${process.pid & 255}.1`;
const PORT = 8080;

let system: ProcessSystem;
let backend: ProcessBackend;
let machine: Machine;

class Client implements KnockingClient {
  outcome: KnockingClient['outcome'] = 'waits';
  readonly #socket: Socket;

  constructor() {
    this.#socket = connect(PORT, ADDRESS)
      .on('data', () => (this.outcome = 'reached'))
      .on('error', () => (this.outcome = 'refused'));
  }

  close(): void {
    this.#socket.destroy();
  }
}

describeDoorman('the doorman of the process backend', {
  setUp: async () => {
    system = new ProcessSystem();
    backend = system.backend();
    await backend.connect();
    const command = [process.execPath, ...nodeFlags, PROGRAM];
    const options = processOptions.parse({ name: 'web', command, listen: `tcp:${PORT}` });
    machine = await backend.machine({ name: 'web', options, addresses: [ADDRESS] });
  },
  tearDown: async () => {
    await backend.close();
    system[Symbol.dispose]();
  },
  doorman: () => backend.doorman,
  guarded: () => ({ ...endpoints(), ports: [{ protocol: 'tcp', port: PORT }] }),
  unguarded: () => ({ ...endpoints(), unikernel: 'other', machine: '01234567-89ab-4def-8123-456789abcdef' }),
  serve: () => machine.start(),
  connect: () => new Client(),
});

function endpoints() {
  return { unikernel: 'web', machine: machine.id, addresses: [ADDRESS], ports: [], macs: [], rules: RULES };
}
