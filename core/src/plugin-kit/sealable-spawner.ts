import { closeSync, fchmodSync, openSync } from 'node:fs';
import type { Logger } from '../contracts/logger.js';
import type { LaunchDetails, Launchable, LiveChild, ProgramSignal, Spawner } from '../contracts/spawner.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { sendSignal } from './send-signal.js';
import { SpawnLedger } from './spawn-ledger.js';
import type { JitsuUser } from './spawn-order.js';
import { SHARED_MODE } from './open-output.js';
import { SpawnerProcess } from './spawner-process.js';

const STREAMS = ['stdout', 'stderr'];

/** The number of addresses that are listed together. */
const LISTED_AT_ONCE = 1_000;

/** Elsewhere, the process that spawns cannot tell a change of a program from the end of a temporary one. */
const KNOWS_CHILDREN = process.platform === 'linux';

/** The first process of a container gets all processes whose parents have ended, and Node collects its own alone. */
const IS_FIRST_PROCESS = process.pid === 1;

const NO_INIT =
  'Jitsu is the first process of its container, and does not collect processes whose parents have ended: they pile up as zombies. Have the container run with an init (docker run --init)';

const TOO_LATE = 'Jitsu has given up root, and only what it knew before can be started as root. Restart Jitsu.';

const LACKS_SOCKETS =
  'Jitsu has given up root, and the process that starts programs did not have the sockets of this one before. Restart Jitsu.';

const WITHOUT_KOFFI =
  "listen: where Jitsu gives up root, it takes the package koffi, which cannot be loaded here. Install it, or configure privileges: 'none'.";

const LOST =
  'The process that starts programs as root has ended, and Jitsu has given up root: no program can be started or stopped. Restart Jitsu.';

/**
 * The processes that spawn, made on first use: one takes a sixth of Jitsu's memory, and of the time of its start.
 * Programs that may get more privileges have one of their own. So have temporary programs on systems other than Linux:
 * whoever follows programs would be told of each command that has ended, and look at all of them.
 *
 * Where Jitsu gives up root, they are made before that, and are told all that they may start.
 */
export class SealableSpawner implements Spawner {
  readonly #processes = new Map<string, SpawnerProcess>();
  readonly #listeners = new Set<() => void>();
  #state: 'open' | 'expecting' | 'sealed' = 'open';
  #isClosed = false;
  /** Whether a folder of control groups is handed back at the end. */
  #handsBack = false;
  /** The runtime folder with the ledger of what is spawned, where one is kept. */
  #ledger: string | undefined;
  /** Why what has ended may not be collected, as a sentence without its full stop; absent where it is, or nothing runs. */
  problem: string | undefined;
  /** Those of which the kernel may be told where their machines are. */
  readonly #neighbours = new Set<string>();
  /** How many sockets launches were allowed with, of those that have some. */
  readonly #sockets = new Map<string, number>();
  /** Whom Jitsu may become. */
  #user: JitsuUser | undefined;

  constructor(private readonly logger?: Logger) {}

  /**
   * To be called as root before anything is allowed, where {@link seal} may be called later for this user. Throws file
   * system errors.
   * @param runtimeDirectory where a ledger of what is spawned is kept
   */
  expectSeal(user?: JitsuUser, runtimeDirectory?: string): void {
    this.#state = 'expecting';
    this.#user = user;
    this.#ledger = runtimeDirectory;
    if (runtimeDirectory !== undefined) new SpawnLedger(runtimeDirectory).open();
  }

  /** To be called where Jitsu stays root after all, in place of {@link seal} or when that has failed. */
  stayOpen(): void {
    const isSealed = this.#state === 'sealed';
    this.#state = 'open';
    if (isSealed || this.#listeners.size === 0) this.#end('');
  }

  /**
   * To be called before Jitsu becomes this user. From then on only what was allowed is started, and only what was
   * started or adopted gets signals.
   * @param renices whether {@link renice} will be called
   */
  async seal(user: JitsuUser, renices = false): Promise<void> {
    this.#state = 'sealed';
    if (renices) this.#living(false, false);
    await Promise.all([...this.#processes.values()].map((living) => living.seal(user)));
  }

  allow(launchable: Launchable): void {
    if (IS_FIRST_PROCESS && this.problem === undefined) {
      this.problem = NO_INIT;
      this.logger?.warn({}, `${NO_INIT}.`);
    }
    // Otherwise whoever spawns brings the launch: nothing is kept twice.
    if (this.#state === 'open') return;
    if (this.#state === 'sealed') throw new JitsuError('JITSU_ROOT_GIVEN_UP', TOO_LATE);
    const launch = launchable.launch();
    if (typeof launch.account === 'object' && launch.account.uid === this.#user?.uid) throw ofJitsu(launch.account.uid);
    if (launch.sockets?.some((socket) => 'handle' in socket) === true) {
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', WITHOUT_KOFFI);
    }
    if (launch.sockets !== undefined) this.#sockets.set(launchable.key, launch.sockets.length);
    this.#living(launch.temporary, launch.newPrivileges).list(launchable.key, launch);
  }

  async spawn(launchable: Launchable, details: LaunchDetails = {}): Promise<LiveChild> {
    const launch = launchable.launch();
    const { temporary = false, newPrivileges = false, control } = launch;
    this.#handsBack ||= control?.handBack ?? false;
    if (this.#state !== 'sealed') {
      const byHandle = launch.sockets?.some((socket) => 'handle' in socket);
      return this.#living(temporary, newPrivileges, byHandle).spawn({ launch, details }, temporary);
    }
    const sealed = this.#processes.get(kindOf(temporary, newPrivileges));
    if (sealed === undefined) throw new JitsuError('JITSU_BACKEND_DENIED', TOO_LATE);
    // A program that ran when Jitsu started may have kept its sockets to itself then.
    if (launch.sockets?.length !== this.#sockets.get(launchable.key))
      throw new JitsuError('JITSU_BACKEND_DENIED', LACKS_SOCKETS);
    // A file that root would make could be made anywhere, since the folder is one of Jitsu.
    if (launch.output !== undefined) {
      const mode = typeof launch.account === 'object' ? SHARED_MODE : 0o600;
      for (const name of STREAMS) makeFile(`${launch.output}.${name}`, mode);
    }
    try {
      const isSilent = launch.output === undefined && !temporary;
      const order = { key: launchable.key, details };
      return await sealed.spawn(isSilent ? { ...order, silent: true } : order, temporary);
    } catch (error) {
      throw sealed.hasEnded ? lost() : ours(error);
    }
  }

  async signal(group: number, signal: ProgramSignal): Promise<boolean> {
    if (this.#state !== 'sealed') return sendSignal(-group, signal);
    for (const sealed of this.#processes.values()) {
      if (!sealed.hasEnded && (await sealed.signal(group, signal))) return true;
    }
    if ([...this.#processes.values()].some(({ hasEnded }) => hasEnded)) throw lost();
    return false;
  }

  /** To be called before {@link seal}: the addresses for {@link changeNeighbour}. */
  allowNeighbours(addresses: Iterable<string>): void {
    let batch: string[] = [];
    const send = (): void => {
      if (batch.length > 0) this.#living(false, false).listNeighbours(batch);
      batch = [];
    };
    for (const address of addresses) {
      this.#neighbours.add(address);
      if (batch.push(address) === LISTED_AT_ONCE) send();
    }
    send();
  }

  /**
   * Once it is sealed: tells the kernel where the machine with an allowed address is (`Neighbours.tell`), or has the
   * kernel ask for it anew.
   * @throws JITSU_BACKEND_DENIED for another address, JITSU_BACKEND_UNREACHABLE, or the system's error
   */
  async changeNeighbour(address: string, mac: string | undefined): Promise<void> {
    const sealed = this.#processes.get(kindOf(false, false));
    if (sealed === undefined || !this.#neighbours.has(address)) throw new JitsuError('JITSU_BACKEND_DENIED', TOO_LATE);
    if (sealed.hasEnded) throw lost();
    await sealed.changeNeighbour(address, mac);
  }

  adopt(group: number, startTime: string): void {
    if (this.#state === 'expecting') this.#living(false, false).adopt(group, startTime);
  }

  /** Sets the niceness of a thread of Jitsu, if there is a process for programs. @throws the system's error */
  async renice(thread: number, niceness: number): Promise<void> {
    const sealed = this.#processes.get(kindOf(false, false));
    if (sealed === undefined) return;
    if (sealed.hasEnded) throw lost();
    await sealed.renice(thread, niceness);
  }

  async confine(launchable: Launchable): Promise<void> {
    const { control, newPrivileges } = launchable.launch();
    // Once it is sealed, the process that has set them has never ended.
    if (control === undefined || this.#state === 'sealed') return;
    this.#handsBack ||= control.handBack;
    await this.#living(false, newPrivileges).confine(control);
  }

  async release(launchable: Launchable): Promise<void> {
    const { control, newPrivileges = false } = launchable.launch();
    if (control === undefined) return;
    if (this.#state !== 'sealed') return this.#living(false, newPrivileges).release({ release: control });
    const sealed = this.#processes.get(kindOf(false, newPrivileges));
    if (sealed === undefined || sealed.hasEnded) throw lost();
    await sealed.release({ key: launchable.key, release: true });
  }

  async restoreFolder(launchable: Launchable): Promise<void> {
    if (this.#state !== 'sealed') return;
    const { newPrivileges = false } = launchable.launch();
    const sealed = this.#processes.get(kindOf(false, newPrivileges));
    if (sealed === undefined || sealed.hasEnded) throw lost();
    await sealed.restoreFolder(launchable.key);
  }

  watch(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return {
      [Symbol.dispose]: () => {
        const isLast = this.#listeners.delete(listener) && this.#listeners.size === 0;
        if (isLast && this.#state === 'open') this.#end('program');
      },
    };
  }

  /** Running programs continue, and their ends are not reported any more; temporary ones end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const ending = [...this.#processes.values()];
    this.#end('');
    // A service manager that starts the next Jitsu at once finds the control group as it was.
    if (this.#handsBack) await Promise.all(ending.map((process) => process.untilEnded()));
  }

  /** @param takesHandles whether it has Node's own channel, which nobody may have who gives up root */
  #living(temporary = false, newPrivileges = false, takesHandles = false): SpawnerProcess {
    const kind = `${kindOf(temporary, newPrivileges)}${takesHandles ? ', by handles' : ''}`;
    const living = this.#processes.get(kind);
    if (living !== undefined && !living.hasEnded) return living;
    const made = new SpawnerProcess(() => this.#changed(made, kind), !newPrivileges, takesHandles);
    this.#processes.set(kind, made);
    if (this.#ledger !== undefined && this.#state !== 'open') made.keepLedger(this.#ledger);
    return made;
  }

  #changed(changed: SpawnerProcess, kind: string): void {
    if (changed.hasEnded && this.#state === 'sealed' && !this.#isClosed) this.logger?.error({}, LOST);
    if (kind.startsWith('program')) for (const listener of this.#listeners) listener();
  }

  #end(kinds: string): void {
    for (const [kind, living] of this.#processes) {
      if (!kind.startsWith(kinds)) continue;
      this.#processes.delete(kind);
      living.close();
    }
  }
}

function kindOf(temporary: boolean, newPrivileges: boolean): string {
  return `${temporary && !KNOWS_CHILDREN ? 'temporary' : 'program'}${newPrivileges ? ', privileged' : ''}`;
}

function lost(): JitsuError {
  return new JitsuError('JITSU_BACKEND_UNREACHABLE', LOST);
}

/** What runs as the user that Jitsu becomes could read its memory, and end it. */
function ofJitsu(uid: number): JitsuError {
  const message = `user: Jitsu itself becomes the user with the number ${uid}, and shares it with nobody. Give the program another user, or Jitsu (privileges.user).`;
  return new JitsuError('JITSU_UNIKERNEL_INVALID', message);
}

/** What the process refuses by itself gets our class. */
function ours(error: unknown): unknown {
  return errorCode(error) === 'JITSU_BACKEND_DENIED'
    ? new JitsuError('JITSU_BACKEND_DENIED', `${TOO_LATE} (${errorMessage(error)})`, { cause: error })
    : error;
}

/** Throws where there is one already. */
function makeFile(path: string, mode: number): void {
  const file = openSync(path, 'ax', 0o600);
  try {
    // Whatever the umask is.
    if (mode !== 0o600) fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}
