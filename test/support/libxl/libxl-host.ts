import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { SystemClock } from '#core/clock.js';
import type { BootConfigurator } from '#core/contracts/boot-configurator.js';
import { LibxlBackend } from '#libxl/libxl-backend.js';
import type { libxlOptions } from '#libxl/libxl-options.js';
import { MemoryLogger } from '../memory-logger.js';
import { TemporaryFolder } from '../temporary-folder.js';
import type { XenGuest } from '../xen/xen-guest.js';
import { MachinesById } from '../machines-by-id.js';

/** The libxl backend as Jitsu makes it, with a runtime folder of the suite's own. Dispose it in an `after` hook. */
export class LibxlHost implements Disposable {
  readonly logger = new MemoryLogger();
  readonly #folder = new TemporaryFolder();

  /** Where it keeps what belongs to running machines. */
  get runtimeDirectory(): string {
    return this.#folder.path;
  }

  /** A new instance, not connected yet. */
  machines(configurators: readonly BootConfigurator[] = []): MachinesById {
    return new MachinesById(this.backend(configurators));
  }

  backend(configurators: readonly BootConfigurator[] = [], connection = 'libxl'): LibxlBackend {
    return new LibxlBackend({}, connection, this.runtimeDirectory, configurators, new SystemClock(), this.logger);
  }

  /** Whether the memory of a suspended guest lies there. */
  hasSavedMemory(id: string): boolean {
    return existsSync(join(this.#saves, `${id}.json`));
  }

  forgetSavedMemory(): void {
    rmSync(this.#saves, { recursive: true, force: true });
  }

  get #saves(): string {
    return join(this.runtimeDirectory, 'libxl');
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** The options, as in a configuration, of a guest of the tests. */
export function optionsOf(guest: XenGuest): z.input<typeof libxlOptions> {
  const { name, type, kernel, ramdisk, commandLine, memory, bridge, script } = guest;
  return {
    ...{ name, type, kernel, memory: `${memory}MiB` },
    // The idle kernel has none, and drives no card.
    ...(ramdisk !== undefined && { ramdisk, nic: bridge, script }),
    ...(commandLine !== '' && { cmdline: commandLine }),
  };
}
