import { apiFailure } from './api-failure.js';

interface VifRecord {
  readonly device: string;
  readonly MAC: string;
}

type Call = (method: string, ...parameters: readonly unknown[]) => Promise<unknown>;

/** The network interfaces of the pool's VMs. An interface keeps its MAC address for as long as it exists. */
export class NetworkInterfaces {
  readonly #known = new Map<string, VifRecord>();
  #all: Promise<void> | undefined;

  constructor(private readonly call: Call) {}

  /** MAC addresses in the order of devices. All interfaces are requested once, and each new one alone. */
  async macsOf(references: readonly string[]): Promise<readonly string[]> {
    if (references.length === 0) return [];
    this.#all ??= this.#readAll().catch((error: unknown) => {
      this.#all = undefined;
      throw error;
    });
    await this.#all;
    const records = await Promise.all(references.map((reference) => this.#read(reference)));
    return records
      .filter((record) => record !== undefined)
      .sort((one, other) => Number(one.device) - Number(other.device))
      .map(({ MAC }) => MAC.toLowerCase());
  }

  async #readAll(): Promise<void> {
    const records = (await this.call('VIF.get_all_records')) as Readonly<Record<string, VifRecord>>;
    for (const [reference, record] of Object.entries(records)) this.#known.set(reference, record);
  }

  async #read(reference: string): Promise<VifRecord | undefined> {
    const known = this.#known.get(reference);
    if (known) return known;
    try {
      const record = (await this.call('VIF.get_record', reference)) as VifRecord;
      this.#known.set(reference, record);
      return record;
    } catch (error) {
      // It was removed during the request.
      if (apiFailure(error)?.code === 'HANDLE_INVALID') return undefined;
      throw error;
    }
  }
}
