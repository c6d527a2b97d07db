import { definePlugin, z, type Backend, type Machine, type Registration } from '@jitsud/core/plugin';
import { tellGuest } from './tell-guest.js';

const guestOptions = z.strictObject({
  id: z.string().describe('Its uuid'),
  socket: z.string().describe('Where the guest takes its orders'),
  otherMacs: z.array(z.string()).default([]).describe('Those of further interfaces, which come first'),
  wrongMac: z.string().optional().describe('What it tells in place of its own'),
});

/** A backend of guests in network namespaces, which it starts by their sockets, whoever it runs as. */
class BridgedBackend implements Backend<z.output<typeof guestOptions>> {
  readonly capabilities = { stopModes: ['destroy'], bootConfigurators: false };

  async connect(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  async machine({ options }: Registration<z.output<typeof guestOptions>>): Promise<Machine> {
    const { id, socket, otherMacs, wrongMac } = options;
    return Promise.resolve({
      id,
      describe: async () => {
        const { running, mac } = await tellGuest(socket, 'look');
        return { state: running ? 'running' : 'off', macs: [...otherMacs, wrongMac ?? mac] };
      },
      start: async () => {
        await tellGuest(socket, 'start');
      },
      stop: async () => {
        await tellGuest(socket, 'stop');
      },
    });
  }
}

// eslint-disable-next-line no-restricted-exports -- Jitsu takes a plugin from there
export default definePlugin({
  name: 'bridged',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.backend({
      ...{ name: 'bridged', useClass: BridgedBackend, description: 'For a test', unikernel: guestOptions },
    });
  },
});
