import { Refusal } from './call-failure.js';
import type { CLibrary, Pointer } from './c-library.js';

/** In bytes: many times the size of the largest structure of any libxl. */
const ROOM = 64 * 1024;

/** The part of the room that may be written, in bytes. The rest shows whether that was enough. */
const LIMIT = ROOM / 4;

/** Two bytes that differ in every bit, so that any overwrite of one of them is visible. */
const CANARIES = [0xa5, 0x5a];

/**
 * A structure whose size depends on libxl's version. It gets far more room than it takes, and its size was measured
 * once: its initialiser writes all of it.
 */
export class Structure {
  /** The measured size, in bytes. */
  readonly size: number;

  /**
   * Measures the size.
   * @throws Refusal `unfit`
   */
  constructor(
    private readonly name: string,
    private readonly c: CLibrary,
    private readonly initialise: (memory: Pointer) => void,
    private readonly dispose: (memory: Pointer) => void,
  ) {
    this.size = Math.max(...CANARIES.map((canary) => this.#measure(canary)));
    if (this.size === 0 || this.size > LIMIT) {
      const message = `the initialiser of ${name} wrote ${this.size} bytes, where 1 to ${LIMIT} were expected`;
      throw new Refusal({ kind: 'unfit', message });
    }
  }

  /** Lends an initialised structure, and frees it when the promise settles. */
  async lend<T>(use: (memory: Pointer) => Promise<T> | T): Promise<T> {
    const memory = this.#allocate(0);
    try {
      this.initialise(memory);
      try {
        return await use(memory);
      } finally {
        this.dispose(memory);
      }
    } finally {
      this.c.free(memory);
    }
  }

  #measure(canary: number): number {
    const memory = this.#allocate(canary);
    const bytes = Buffer.alloc(ROOM);
    this.initialise(memory);
    this.c.memcpy(bytes, memory, ROOM);
    this.dispose(memory);
    this.c.free(memory);
    return bytes.findLastIndex((byte) => byte !== canary) + 1;
  }

  #allocate(byte: number): Pointer {
    const memory = this.c.calloc(1, ROOM);
    if (memory === null) throw new Refusal({ kind: 'defect', message: `out of memory for ${this.name}` });
    if (byte !== 0) this.c.memset(memory, byte, ROOM);
    return memory;
  }
}
