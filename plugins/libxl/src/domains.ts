import { untilAborted, type Clock, type Milliseconds, type MachineId } from '@jitsud/core/plugin';
import { XenstoreError, type Xenstore } from '@jitsud/xenstore';

const DOMAINS = '/local/domain';

/** The path of libxl's own data about the devices of domains; guests cannot write there. */
const LIBXL = '/libxl';

const SUSPENDABLE_WITHIN: Milliseconds = 20_000;

/** The domains of the host, as its xenstore lists them. Rejects with `JITSU_BACKEND_UNREACHABLE` while that is lost. */
export class Domains {
  /** Xen reuses a domain id only after some 32,000 others; the ids of domains that are gone are removed here. */
  readonly #uuids = new Map<number, MachineId>();

  constructor(
    private readonly xenstore: () => Xenstore,
    private readonly clock: Clock,
  ) {}

  /** The id of the domain with that uuid, the newest where there are several; undefined where there is none. */
  async find(uuid: MachineId): Promise<number | undefined> {
    const ids = (await this.#list(DOMAINS)).map(Number).filter((id) => id > 0);
    for (const id of this.#uuids.keys()) if (!ids.includes(id)) this.#uuids.delete(id);
    await Promise.all(ids.filter((id) => !this.#uuids.has(id)).map((id) => this.#identify(id)));
    return ids.filter((id) => this.#uuids.get(id) === uuid).sort((a, b) => b - a)[0];
  }

  /** The MAC addresses of its network interfaces, in their order. */
  async macs(domain: number): Promise<readonly string[]> {
    const folder = `${LIBXL}/${domain}/device/vif`;
    const interfaces = (await this.#list(folder)).map(Number).sort((a, b) => a - b);
    const macs = await Promise.all(interfaces.map((index) => this.#read(`${folder}/${index}/mac`)));
    return macs.filter((mac) => mac !== undefined).map((mac) => mac.toLowerCase());
  }

  /** Asks the guest to power off. */
  async askToPowerOff(domain: number): Promise<void> {
    await this.xenstore().write(`${DOMAINS}/${domain}/control/shutdown`, 'poweroff');
  }

  /**
   * Resolves when the guest has announced that it can be suspended, or has not done so for a while: some never do.
   * libxl would wait in vain for a minute for a guest that has not booted far enough.
   * @throws the signal's reason when that aborts first
   */
  async untilSuspendable(domain: number, signal: AbortSignal): Promise<void> {
    const key = `${DOMAINS}/${domain}/control/feature-suspend`;
    const enough = new AbortController();
    using _timer = this.clock.after(SUSPENDABLE_WITHIN, () => enough.abort());
    let say!: () => void;
    const said = new Promise<void>((resolve) => (say = resolve));
    const look = async (): Promise<void> => {
      // Xenstore is lost, or the domain is gone: libxl reports that.
      if ((await this.#read(key).catch(() => '1')) === '1') say();
    };
    await using _watch = await this.xenstore().watch(key, () => void look());
    await untilAborted(said, AbortSignal.any([signal, enough.signal])).catch(() => signal.throwIfAborted());
  }

  async #identify(id: number): Promise<void> {
    // `/vm/UUID`; absent while the domain is being created.
    const uuid = /^\/vm\/([0-9a-f-]{36})/i.exec((await this.#read(`${DOMAINS}/${id}/vm`)) ?? '')?.[1];
    if (uuid !== undefined) this.#uuids.set(id, uuid.toLowerCase());
  }

  async #list(path: string): Promise<readonly string[]> {
    return (await present(this.xenstore().directory(path))) ?? [];
  }

  async #read(path: string): Promise<string | undefined> {
    return present(this.xenstore().read(path));
  }
}

/** Undefined for a missing node: a domain may go while it is read. */
async function present<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof XenstoreError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
