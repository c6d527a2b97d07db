import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import type { ControlLimits } from '../contracts/control-limits.js';
import type {
  Exit,
  Launch,
  LaunchDetails,
  LaunchSocket,
  LiveChild,
  ProgramSignal,
  Variables,
} from '../contracts/spawner.js';
import { errorMessage } from '../errors.js';
import { loadDescriptorPassing } from './descriptor-passing.js';
import { spawnChild } from './fork-child.js';
import { MessageStream } from './message-stream.js';
import type { JitsuUser, ListedLaunch, PassedSocket, SealedOrder, SpawnNews, TrustedOrder } from './spawn-order.js';

/** The number of launches that are listed together. */
const LISTED_AT_ONCE = 1_000;

/** How long its end is waited for, in milliseconds. */
const END_LIMIT = 1_000;

/** How many sockets are passed before some of them have been taken: the kernel holds a few hundred messages. */
const PASSED_AT_ONCE = 64;

const PROGRAM = new URL('./spawner-program.js', import.meta.url);

type Numbered<T> = T extends { readonly number: number } ? Omit<T, 'number'> : never;

/** An order that is answered. */
type Order = Numbered<TrustedOrder | SealedOrder>;

interface OpenOrder {
  readonly temporary: boolean;
  readonly resolve: (result: LiveChild | boolean) => void;
  readonly reject: (error: Error) => void;
}

interface OpenEnd {
  readonly temporary: boolean;
  readonly resolve: (exit: Exit) => void;
}

/** Spawns programs through a separate process, so that Jitsu answers queries meanwhile, and reports their ends. */
export class SpawnerProcess {
  readonly #process: ChildProcess;
  /** Absent where there are too many files for another process. */
  readonly #socket: Socket | undefined;
  readonly #stream: MessageStream | undefined;
  /** By which sockets are passed, beside the messages. */
  readonly #channel: Socket | undefined;
  readonly #orders = new Map<number, OpenOrder>();
  readonly #ends = new Map<number, OpenEnd>();
  /** The launches that are not listed yet, as JSON: there may be a million, and so objects would be kept in vain. */
  #launches: string[] = [];
  /** The numbers of the variables that launches inherit. */
  readonly #inherited = new Map<Variables, number>();
  #newInherited: Variables[] = [];
  /** The sockets that are to be passed, and how many have been and were not taken yet. */
  #unpassed: { readonly number: number; readonly descriptor: number }[] = [];
  #untaken = 0;
  /** Who gets a copy of each socket that is being passed by its handle. */
  readonly #handles = new Map<number, (copy: object) => void>();
  #sockets = 0;
  /** Who waits until all sockets have been passed. */
  #onPassed: (() => void)[] = [];
  #count = 0;
  #ended: Error | undefined;
  #closing = false;

  /**
   * @param onChange called when an unknown program has stopped, continued or ended, and when the ends of running
   * programs will not be reported any more
   * @param noNewPrivileges whether its programs cannot get more privileges by executing a file; only Linux can
   * guarantee it
   * @param takesHandles whether sockets are passed by Node's own channel
   */
  constructor(
    private readonly onChange: () => void,
    noNewPrivileges = true,
    takesHandles = false,
  ) {
    const stdio: ('ignore' | 'inherit' | 'pipe' | 'ipc')[] = ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'];
    if (takesHandles) stdio.push('ipc');
    // With io_uring, Node would refuse to act as another user.
    const env = { ...process.env, UV_USE_IO_URING: undefined };
    this.#process = spawnChild(PROGRAM, { noNewPrivileges, stdio, env });
    const [, , , socket, channel] = (this.#process.stdio as ChildProcess['stdio'] | undefined) ?? [];
    this.#socket = socket as Socket | undefined;
    this.#channel = channel as Socket | undefined;
    this.#channel?.on('error', () => undefined).unref();
    const message = (news: unknown): void => this.#take(news as SpawnNews);
    const end = (): void => this.#end(new Error('the process that spawns programs has ended'));
    this.#stream = this.#socket && new MessageStream(this.#socket, { message, end });
    if (takesHandles) {
      this.#process.on('message', (message, handle) => this.#takeBack(message, handle));
      this.#process.channel?.unref();
    }
    this.#process.on('error', (error) => this.#end(error));
    this.#holdOpen(false);
  }

  /** Whether it cannot take orders any more. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * @param order a launch, or the key of one once this is sealed
   * @throws the system's error, with its `code` and `path`
   */
  async spawn(
    order:
      { readonly launch: Launch; readonly details: LaunchDetails } | Extract<Order, { key: string; details: unknown }>,
    temporary = false,
  ): Promise<LiveChild> {
    if (!('launch' in order)) return this.#order(order, temporary) as Promise<LiveChild>;
    const { launch, details } = order;
    const { sockets, ...rest } = launch;
    const passed = sockets === undefined ? rest : { ...rest, sockets: this.#pass(sockets) };
    if (this.#isPassing) await this.#untilPassed();
    return this.#order({ launch: passed, details }, temporary) as Promise<LiveChild>;
  }

  /** Has it launch this once it is sealed. */
  list(key: string, { inherited, sockets, ...launch }: Launch): void {
    const number = inherited === undefined ? undefined : this.#numberOf(inherited);
    const passed = sockets === undefined ? undefined : this.#pass(sockets);
    const listed: readonly [string, ListedLaunch] = [key, { ...launch, inherited: number, sockets: passed }];
    this.#launches.push(JSON.stringify(listed));
    if (this.#launches.length >= LISTED_AT_ONCE) this.#sendList();
  }

  /** Has it keep a ledger of what it spawns, in a runtime folder. */
  keepLedger(runtimeDirectory: string): void {
    this.#send({ ledger: runtimeDirectory });
  }

  /** Has it send signals to this group once it is sealed. */
  adopt(group: number, startTime: string): void {
    this.#send({ adopt: group, startTime });
  }

  /** Has it tell the kernel where the machines with these addresses are once this is sealed. */
  listNeighbours(addresses: readonly string[]): void {
    this.#send({ neighbours: addresses });
  }

  /** From now on it carries out nothing but what was listed. */
  async seal(user: JitsuUser): Promise<void> {
    this.#sendList();
    this.#inherited.clear();
    await this.#untilPassed();
    await this.#order({ seal: user });
  }

  /** Once it is sealed. Resolves with whether it knows such a group. @throws the system's error */
  signal(group: number, signal: ProgramSignal): Promise<boolean> {
    return this.#order({ group, signal }) as Promise<boolean>;
  }

  /** Sets the niceness of a thread of Jitsu once it is sealed. @throws the system's error */
  async renice(thread: number, niceness: number): Promise<void> {
    await this.#order({ thread, niceness });
  }

  /**
   * Tells the kernel where the machine with a listed address is, or has it asked anew, once this is sealed.
   * @throws the system's error
   */
  async changeNeighbour(neighbour: string, mac: string | undefined): Promise<void> {
    await this.#order(mac === undefined ? { neighbour, ask: true } : { neighbour, mac });
  }

  /** Sets the limits of a control group anew. @throws the system's error */
  async confine(limits: ControlLimits): Promise<void> {
    await this.#order({ confine: limits });
  }

  /** Removes a control group, that of a launch from the list once this is sealed. @throws the system's error */
  async release(
    order: { readonly release: ControlLimits } | { readonly key: string; readonly release: true },
  ): Promise<void> {
    await this.#order(order);
  }

  /** Makes the folder for the output of a launch again once this is sealed. @throws the system's error */
  async restoreFolder(key: string): Promise<void> {
    await this.#order({ key, folder: true });
  }

  /** Running programs continue, and their ends are not reported any more. Orders under way are still carried out. */
  close(): void {
    if (this.#orders.size > 0) this.#closing = true;
    else this.#stream?.close();
  }

  /** To be called after {@link close}. It is not waited for long. */
  async untilEnded(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    this.#process.ref();
    await once(this.#process, 'exit', { signal: AbortSignal.timeout(END_LIMIT) }).catch(() => undefined);
    this.#process.unref();
  }

  #order(order: Order, temporary = false): Promise<LiveChild | boolean> {
    if (this.#ended) return Promise.reject(this.#ended);
    const number = this.#count++;
    this.#holdOpen(true);
    return new Promise((resolve, reject) => {
      this.#orders.set(number, { resolve, reject, temporary });
      this.#send({ ...order, number });
    });
  }

  /** Throws where sockets cannot be passed at all. */
  #pass(sockets: readonly LaunchSocket[]): readonly PassedSocket[] {
    const passed = sockets.map((socket) => {
      const number = this.#sockets++;
      if ('descriptor' in socket) this.#unpassed.push({ number, descriptor: socket.descriptor });
      else this.#passHandle(number, socket);
      return { number, name: socket.name };
    });
    this.#passMore();
    return passed;
  }

  #passHandle(number: number, socket: Extract<LaunchSocket, { handle: object }>): void {
    this.#handles.set(number, (copy) => socket.returned(copy));
    // What has failed is lacking when the program is to be started, which says so.
    const settled = (error: Error | null): void => {
      if (error !== null && this.#handles.delete(number)) this.#passMore();
    };
    try {
      this.#process.send({ socket: number }, socket.handle as Server, settled);
    } catch (error) {
      settled(error as Error);
    }
  }

  #takeBack(message: unknown, handle: unknown): void {
    const { socket } = message as { readonly socket: number };
    this.#handles.get(socket)?.(handle as object);
    this.#handles.delete(socket);
    this.#passMore();
  }

  get #isPassing(): boolean {
    return this.#unpassed.length > 0 || this.#handles.size > 0;
  }

  #passMore(): void {
    const some = this.#unpassed.splice(0, PASSED_AT_ONCE - this.#untaken);
    const channel = (this.#channel as { readonly _handle?: { readonly fd: number } | null } | undefined)?._handle?.fd;
    if (some.length > 0 && channel !== undefined && !this.#ended) {
      const passing = loadDescriptorPassing();
      let passed = 0;
      let lost: string | undefined;
      for (const { number, descriptor } of some) {
        try {
          passing.send(channel, number, descriptor);
          passed += 1;
        } catch (error) {
          // The start that needs it says so.
          lost = errorMessage(error);
        }
      }
      this.#untaken += passed;
      this.#send({ passed, lost });
    }
    if (!this.#isPassing) for (const passed of this.#onPassed.splice(0)) passed();
  }

  async #untilPassed(): Promise<void> {
    if (this.#isPassing) await new Promise<void>((resolve) => this.#onPassed.push(resolve));
  }

  #send(order: TrustedOrder | SealedOrder): void {
    this.#stream?.send(order);
  }

  #sendList(): void {
    const inherited = JSON.stringify(this.#newInherited);
    this.#stream?.sendText(`{"inherited":${inherited},"launches":[${this.#launches.join()}]}`);
    this.#newInherited = [];
    this.#launches = [];
  }

  #numberOf(inherited: Variables): number {
    const known = this.#inherited.get(inherited);
    if (known !== undefined) return known;
    const number = this.#inherited.size;
    this.#inherited.set(inherited, number);
    this.#newInherited.push(inherited);
    return number;
  }

  #take(news: SpawnNews): void {
    if ('changed' in news) return this.onChange();
    if ('taken' in news) {
      this.#untaken -= news.taken;
      return this.#passMore();
    }
    if ('exit' in news) {
      this.#ends.get(news.number)?.resolve(news.exit);
      this.#ends.delete(news.number);
      return;
    }
    const order = this.#orders.get(news.number);
    if ('pid' in news) order?.resolve(this.#child(news.number, news.pid, order.temporary));
    else if ('done' in news) order?.resolve(news.done);
    else order?.reject(Object.assign(new Error(news.failure.message), news.failure));
    this.#orders.delete(news.number);
    if (this.#orders.size > 0) return;
    this.#holdOpen(false);
    if (this.#closing) this.close();
  }

  #child(number: number, pid: number, temporary: boolean): LiveChild {
    const exited = new Promise<Exit>((resolve) => this.#ends.set(number, { resolve, temporary }));
    const isTold = (): boolean => this.#ended === undefined;
    return {
      pid,
      exited,
      get told() {
        return isTold();
      },
    };
  }

  #end(error: Error): void {
    this.#ended ??= Object.assign(error, { lost: true });
    for (const { reject } of this.#orders.values()) reject(this.#ended);
    this.#orders.clear();
    for (const { resolve, temporary } of this.#ends.values()) if (temporary) resolve({});
    this.#ends.clear();
    this.#unpassed = [];
    this.#handles.clear();
    this.#passMore();
    this.onChange();
  }

  /** A running program does not keep Jitsu from ending; one that is about to start does. */
  #holdOpen(open: boolean): void {
    for (const held of [this.#process, this.#socket]) {
      if (open) held?.ref();
      else held?.unref();
    }
  }
}
