import { errorCode, makeSafeFolder, type MachineId } from '@jitsud/core/plugin';
import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DomainConfig } from './domain-config.js';

/** What must be unchanged for saved memory to be usable. */
export interface Origin {
  readonly uuid: MachineId;
  /** A hash of the configuration, and of the files that the guest was booted from. */
  readonly hash: string;
  /** The version of libxl: another one may use another format. */
  readonly version: string;
}

interface Label extends Origin {
  readonly format: 1;
  /** In bytes. */
  readonly size: number;
}

/** Whether a guest's saved memory can be used: it fits, it is refused for a reason, or there is none. */
export type Finding = 'fits' | 'none' | { readonly refused: string };

/** The memory of suspended guests, one file each, with a label file that says what it belongs to. */
export class SavedMemory {
  constructor(private readonly folder: string) {}

  /** The file that the memory is saved to and restored from. */
  fileOf(uuid: MachineId): string {
    return join(this.folder, `${uuid}.memory`);
  }

  /** Removes everything of an earlier save, and returns the file to write. */
  async prepare(uuid: MachineId): Promise<string> {
    makeSafeFolder(this.folder);
    await this.remove(uuid);
    return this.fileOf(uuid);
  }

  /** Labels a written file, which is valid from now on. */
  async label(origin: Origin): Promise<void> {
    const { size } = await stat(this.fileOf(origin.uuid));
    const label: Label = { format: 1, ...origin, size };
    const file = this.#labelOf(origin.uuid);
    await rm(`${file}.new`, { force: true });
    await using handle = await open(`${file}.new`, 'wx', 0o600);
    await handle.writeFile(JSON.stringify(label));
    await handle.sync();
    await rename(`${file}.new`, file);
  }

  async find(origin: Origin): Promise<Finding> {
    const label = await this.#readLabel(origin.uuid);
    if (label === undefined) return 'none';
    const size = await stat(this.fileOf(origin.uuid)).then(
      (file) => file.size,
      () => undefined,
    );
    if (label.format !== 1 || label.uuid !== origin.uuid) return { refused: 'it belongs to something else' };
    if (label.version !== origin.version) return { refused: `it was saved by Xen ${label.version}` };
    if (label.hash !== origin.hash) return { refused: 'its configuration or its kernel has changed since' };
    if (label.size !== size) return { refused: 'its file is damaged' };
    return 'fits';
  }

  /** Without effect where there is none. The label is removed first: memory without one is not valid. */
  async remove(uuid: MachineId): Promise<void> {
    for (const file of [this.#labelOf(uuid), `${this.#labelOf(uuid)}.new`, this.fileOf(uuid)]) {
      await rm(file, { force: true });
    }
  }

  #labelOf(uuid: MachineId): string {
    return join(this.folder, `${uuid}.json`);
  }

  async #readLabel(uuid: MachineId): Promise<Partial<Label> | undefined> {
    try {
      const label: unknown = JSON.parse(await readFile(this.#labelOf(uuid), 'utf8'));
      return typeof label === 'object' && label !== null ? label : {};
    } catch (error) {
      return errorCode(error) === 'ENOENT' ? undefined : {};
    }
  }
}

/** A hash of a configuration and of the current contents of the files that it boots. */
export async function hashOf(config: DomainConfig): Promise<string> {
  const { kernel, ramdisk } = config.b_info;
  const files = [kernel, ...(ramdisk === undefined ? [] : [ramdisk])];
  const stamps = await Promise.all(
    files.map(async (file) => {
      const stats = await stat(file).catch(() => undefined);
      return stats === undefined ? null : [stats.size, stats.mtimeMs];
    }),
  );
  return createHash('sha256')
    .update(JSON.stringify([config, stamps]))
    .digest('hex');
}
