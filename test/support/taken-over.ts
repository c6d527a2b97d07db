import { definePlugin, inject, LOGGER, z, type Logger } from '@jitsud/core/plugin';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { once } from 'node:events';

/** What somebody tries who has taken over the process that answers, by name; each throws where it is not possible. */
const TRIES: Readonly<Record<string, (spawner: number) => unknown>> = {
  'become root': () => process.setuid?.(0),
  'take the groups of root': () => process.setgroups?.([0]),
  'read what is root’s': () => readFileSync('/etc/shadow'),
  'read the secrets that Jitsu was started with': () => readFileSync('/proc/self/environ'),
  'write outside': () => writeFileSync('/etc/jitsu-was-here', ''),
  'end the process that has root': (spawner) => process.kill(spawner, 'SIGKILL'),
  'read the memory of the process that has root': (spawner) => readFileSync(`/proc/${spawner}/mem`),
  'see the files of the process that has root': (spawner) => readFileSync(`/proc/${spawner}/fd/3`),
  'go before others': () => setPriority(getPriority() - 5),
  'become root by a program': () => {
    const { status, stdout } = spawnSync('id', ['-u'], { encoding: 'utf8' });
    if (status !== 0 || stdout.trim() !== '0') throw new Error('the program is not root either');
  },
  'listen on another port of root’s': async () => {
    const socket = createSocket('udp4');
    socket.bind(1, '127.0.0.1');
    await Promise.race([
      once(socket, 'listening'),
      once(socket, 'error').then(([error]) => {
        throw error as Error;
      }),
    ]);
    socket.close();
  },
};

/** Tries everything when a unikernel is ready, and logs how each try ended. */
class TakenOver {
  constructor(private readonly logger: Logger) {}

  async notify({ kind }: { readonly kind: string }): Promise<void> {
    if (kind !== 'ready') return;
    const children = readFileSync('/proc/self/task/' + String(process.pid) + '/children', 'latin1');
    const spawner = Number(children.split(' ')[0]);
    for (const [what, attempt] of Object.entries(TRIES)) {
      try {
        await attempt(spawner);
        this.logger.warn({}, `TRIED ${what}: it is possible`);
      } catch (error) {
        const { code, info, message } = error as NodeJS.ErrnoException & { readonly info?: { readonly code: string } };
        this.logger.info({}, `TRIED ${what}: ${info?.code ?? code ?? message}`);
      }
    }
    this.logger.info({}, 'TRIED everything');
  }
}
inject(LOGGER)(TakenOver, undefined, 0);

// eslint-disable-next-line no-restricted-exports -- Jitsu takes a plugin from there
export default definePlugin({
  name: 'taken-over',
  apiVersion: '^1.0.0',
  register(registry) {
    const options = z.object({});
    registry.notifier({ name: 'taken-over', useClass: TakenOver, description: 'For a test', options });
  },
});
