import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cannotRun } from '../cannot-run.js';
import { requireTool } from '../require-tool.js';
import type { Actions } from './network-agent.js';

const AGENT = fileURLToPath(new URL('network-agent.js', import.meta.url));

/** Where something is done: on the host itself, or in the guest, the client or the guest's neighbour connected with it. */
export type Place = 'host' | 'guest' | 'client' | 'neighbour';

/** The addresses of a routed network. */
export const ROUTED = {
  guest: '10.77.0.80',
  guest6: 'fd77::80',
  host: '10.77.0.1',
  client: '10.78.0.2',
  client6: 'fd78::2',
  neighbour: '10.77.0.9',
  neighbour6: 'fd77::9',
} as const;

/**
 * A host with a guest behind a bridge and a client behind it, in network namespaces of their own: none of them needs root,
 * and all end with the test's process.
 */
export class TestNetwork implements AsyncDisposable {
  #count = 0;
  readonly #waiting = new Map<
    number,
    { readonly resolve: (result: never) => void; readonly reject: (error: Error) => void }
  >();

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (answer: { number: number; result?: unknown; failure?: string; code?: string }) => {
      const waiting = this.#waiting.get(answer.number);
      this.#waiting.delete(answer.number);
      if (answer.failure === undefined) waiting?.resolve(answer.result as never);
      else waiting?.reject(Object.assign(new Error(answer.failure), { code: answer.code }));
    });
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the host has ended'));
    });
  }

  /** Only loopback. The suite is skipped where nobody may make namespaces; without one that is an error. */
  static async create(context?: Mocha.Context): Promise<TestNetwork> {
    if (context !== undefined) for (const tool of ['ip', 'unshare'] as const) requireTool(context, tool);
    const child = spawn('unshare', ['--user', '--map-root-user', '--net', process.execPath, AGENT], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    const { stderr } = child;
    let complaint = '';
    stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    const isReady = await new Promise((resolve) => {
      child.once('message', () => {
        resolve(true);
      });
      child.once('exit', () => {
        resolve(false);
      });
    });
    if (isReady !== true) {
      const reason = `no network namespace can be made here: ${complaint}`;
      if (context === undefined) throw new Error(reason);
      cannotRun(context, reason);
    }
    const network = new TestNetwork(child);
    await network.ip('link set lo up');
    return network;
  }

  /** With a guest behind a bridge, and a client in another network. */
  static async createRouted(context?: Mocha.Context): Promise<TestNetwork> {
    const network = await TestNetwork.create(context);
    try {
      await network.#connect();
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #connect(): Promise<void> {
    await this.ip('link add br0 type bridge');
    await this.ip(`addr add ${ROUTED.host}/24 dev br0`);
    await this.ip('addr add fd77::1/64 dev br0 nodad');
    await this.ip('link set br0 up');
    await this.#attach('guest', `${ROUTED.guest}/24`, `${ROUTED.guest6}/64`, ROUTED.host, 'fd77::1');
    await this.ip('link set guest master br0 up');
    await this.#attach('client', `${ROUTED.client}/24`, `${ROUTED.client6}/64`, '10.78.0.1', 'fd78::1');
    await this.ip('addr add 10.78.0.1/24 dev client');
    await this.ip('addr add fd78::1/64 dev client nodad');
    await this.do('host', 'run', 'sh', '-c', FORWARD);
  }

  /** Adds a neighbour of the guest to the bridge. */
  async addNeighbour(): Promise<void> {
    const { neighbour, neighbour6 } = ROUTED;
    await this.#attach('neighbour', `${neighbour}/24`, `${neighbour6}/64`, ROUTED.host, 'fd77::1');
    await this.ip('link set neighbour master br0 up');
  }

  /** Whether the kernel hands packets of bridges to the rules for IP (br_netfilter, where it has that at all). */
  async filterBridges(filters: boolean): Promise<void> {
    for (const rules of ['iptables', 'ip6tables']) {
      const file = `/proc/sys/net/bridge/bridge-nf-call-${rules}`;
      await this.do('host', 'run', 'sh', '-c', `[ ! -e ${file} ] || echo ${filters ? 1 : 0} > ${file}`);
    }
  }

  async #attach(
    name: Exclude<Place, 'host'>,
    address: string,
    address6: string,
    gate: string,
    gate6: string,
  ): Promise<void> {
    const pid = await this.do('host', 'start', name);
    await this.ip(`link add ${name} type veth peer name eth0 netns ${pid}`);
    await this.ip(`link set ${name} up`);
    for (const words of [
      ...['link set lo up', `addr add ${address} dev eth0`, `addr add ${address6} dev eth0 nodad`, 'link set eth0 up'],
      ...[`route add default via ${gate}`, `-6 route add default via ${gate6}`],
    ]) {
      await this.do(name, 'run', 'ip', ...words.split(' '));
    }
  }

  /** Calls `ip` on the host. */
  async ip(words: string): Promise<void> {
    await this.do('host', 'run', 'ip', ...words.split(' '));
  }

  /** Has something done at a place. */
  do<A extends keyof Actions>(
    place: Place,
    action: A,
    ...parameters: Parameters<Actions[A]>
  ): Promise<Awaited<ReturnType<Actions[A]>>> {
    const number = (this.#count += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.child.send({ number, action, parameters, ...(place !== 'host' && { place }) });
    });
  }

  /** Checks that connections from a place are all made, none by a packet that was sent again, and hangs them up. */
  async allArrive(place: Place, connecting: readonly ReturnType<Actions['connect']>[]): Promise<void> {
    const results = await Promise.all(connecting);
    assert.deepEqual(
      results.filter(({ error }) => error !== undefined),
      [],
    );
    const longest = Math.max(...results.map(({ took }) => took));
    assert.ok(longest < 1_000, `the slowest took ${longest} ms`);
    for (const { number } of results) await this.do(place, 'hangUp', number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 2_000);
    await ended;
    clearTimeout(timer);
  }
}

const FORWARD = ['echo 1 > /proc/sys/net/ipv4/ip_forward', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'].join(
  ' && ',
);

/** The hexadecimal digits of an IPv4 address, or of an IPv6 address in short form. */
export function hex(address: string): string {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number)).toString('hex');
  const [before = '', behind = ''] = address.split('::');
  const groups = (text: string): string[] =>
    text === '' ? [] : text.split(':').map((group) => group.padStart(4, '0'));
  const [first, last] = [groups(before), groups(behind)];
  return [...first, ...Array<string>(8 - first.length - last.length).fill('0000'), ...last].join('');
}
