import { apiFailure } from './api-failure.js';
import { kindOfNoVm, type VmRecord } from './vm-record.js';

/** The last known state of a VM of the pool. After a restart, the pool may use another reference for the same VM. */
export interface SeenVm {
  readonly reference: string;
  readonly record: VmRecord;
}

/** An event of the class VM. A snapshot is the record at the time of the reply that brings it. */
export interface VmEvent {
  readonly ref: string;
  readonly operation: 'add' | 'mod' | 'del';
  readonly snapshot?: VmRecord;
}

type Call = (method: string, ...parameters: readonly unknown[]) => Promise<unknown>;

/**
 * All VMs of a pool, kept up to date by events, and by single looks where a caller cannot wait for the event.
 *
 * Results of both may overtake each other. So a look invalidates the pending events of its VM: they only cause another
 * look, and looks at one VM run one after the other.
 */
export class VmRecords {
  readonly #byUuid = new Map<string, SeenVm>();
  readonly #uuids = new Map<string, string>();
  readonly #looks = new Map<string, Promise<void>>();
  /** When each VM was last looked at, as the number of an event request. */
  readonly #lookedAt = new Map<string, number>();
  #questions = 0;

  constructor(
    private readonly call: Call,
    private readonly onChange: (uuid: string) => void,
  ) {}

  get(uuid: string): SeenVm | undefined {
    return this.#byUuid.get(uuid);
  }

  /** The VMs with this name that are neither templates nor snapshots nor control domains. */
  named(name: string): readonly VmRecord[] {
    return [...this.#byUuid.values()]
      .map(({ record }) => record)
      .filter((record) => record.name_label === name && kindOfNoVm(record) === undefined);
  }

  /** Replaces the records of the whole pool. */
  replace(records: Readonly<Record<string, VmRecord>>): void {
    this.#byUuid.clear();
    this.#uuids.clear();
    this.#lookedAt.clear();
    for (const [reference, record] of Object.entries(records)) this.#put(reference, record);
  }

  /** The number of an event request that is about to be sent. */
  ask(): number {
    return (this.#questions += 1);
  }

  /** Applies the answer to the event request with that number. */
  apply(events: readonly VmEvent[], question: number): void {
    const last = new Map(events.map((event) => [event.ref, event]));
    for (const { ref, operation, snapshot } of last.values()) {
      if (this.#looks.has(ref) || (this.#lookedAt.get(ref) ?? 0) > question) {
        // Its failure is noticed by the next event request, too.
        this.look(ref).catch(() => undefined);
      } else if (operation === 'del' || snapshot === undefined) {
        this.#remove(ref);
      } else {
        this.#changed(ref, snapshot);
      }
    }
  }

  /** Reads one VM, after a look at it that is under way. Rejects where the pool does not answer. */
  look(reference: string): Promise<void> {
    const before = this.#looks.get(reference) ?? Promise.resolve();
    const look = before.catch(() => undefined).then(() => this.#look(reference));
    const forget = (): void => {
      if (this.#looks.get(reference) === look) this.#looks.delete(reference);
    };
    this.#looks.set(reference, look);
    look.then(forget, forget);
    return look;
  }

  async #look(reference: string): Promise<void> {
    try {
      const record = (await this.call('VM.get_record', reference)) as VmRecord;
      this.#lookedAt.set(reference, this.ask());
      this.#changed(reference, record);
    } catch (error) {
      if (apiFailure(error)?.code !== 'HANDLE_INVALID') throw error;
      this.#remove(reference);
    }
  }

  #changed(reference: string, record: VmRecord): void {
    this.#put(reference, record);
    this.onChange(record.uuid);
  }

  #put(reference: string, record: VmRecord): void {
    this.#byUuid.set(record.uuid, { reference, record });
    this.#uuids.set(reference, record.uuid);
  }

  #remove(reference: string): void {
    const uuid = this.#uuids.get(reference);
    this.#uuids.delete(reference);
    this.#lookedAt.delete(reference);
    if (uuid === undefined || this.#byUuid.get(uuid)?.reference !== reference) return;
    this.#byUuid.delete(uuid);
    this.onChange(uuid);
  }
}
