import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import type { Endpoint } from '#core/config/settings.js';
import { TemporaryFolder } from './temporary-folder.js';

/** A real Unbound on the loopback address that knows the given local data and asks nobody. */
export class UnboundServer implements AsyncDisposable {
  private constructor(
    readonly endpoint: Endpoint,
    private readonly child: ChildProcess,
    private readonly folder: TemporaryFolder,
  ) {}

  /** @param lines of its `server:` clause, such as `local-data: "a.test. 60 A 192.0.2.1"` */
  static async start(program: string, lines: readonly string[]): Promise<UnboundServer> {
    const folder = new TemporaryFolder();
    const port = await freePort();
    const file = folder.in('unbound.conf');
    writeFileSync(file, configuration(folder.path, port, lines));
    const child = spawn(program, ['-d', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    const unbound = new UnboundServer({ address: '127.0.0.1', port }, child, folder);
    try {
      await started(child);
      return unbound;
    } catch (error) {
      await unbound[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await ended;
    }
    this.folder[Symbol.dispose]();
  }
}

function configuration(folder: string, port: number, lines: readonly string[]): string {
  const clause = [
    `interface: 127.0.0.1@${port}`,
    `directory: "${folder}"`,
    'chroot: ""',
    'username: ""',
    'pidfile: ""',
    'use-syslog: no',
    'logfile: ""',
    'verbosity: 1',
    'do-daemonize: no',
    'module-config: "iterator"',
    'num-threads: 1',
    'max-udp-size: 1232',
    // What is no local data must not leave this machine.
    'local-zone: "." refuse',
    ...lines,
  ];
  return `server:\n${clause.map((line) => `  ${line}\n`).join('')}remote-control:\n  control-enable: no\n`;
}

async function started(child: ChildProcess): Promise<void> {
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`Unbound ended:\n${log}`)));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('start of service')) resolve();
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
