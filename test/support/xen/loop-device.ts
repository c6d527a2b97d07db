import { truncateSync, writeFileSync } from 'node:fs';
import { TemporaryFolder } from '../temporary-folder.js';
import type { Dom0 } from './dom0.js';

/** In bytes. */
const SIZE = 1024 * 1024;

/** A small block device of dom0, behind which there is a file. Dispose it once no guest has it any more. */
export class LoopDevice implements AsyncDisposable {
  private constructor(
    private readonly dom0: Dom0,
    private readonly folder: TemporaryFolder,
    /** Such as /dev/loop0. */
    readonly path: string,
  ) {}

  static async open(dom0: Dom0): Promise<LoopDevice> {
    const folder = new TemporaryFolder();
    const file = folder.in('disk');
    writeFileSync(file, '');
    truncateSync(file, SIZE);
    return new LoopDevice(dom0, folder, await dom0.run('losetup', '--find', '--show', file));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dom0.run('losetup', '--detach', this.path);
    this.folder[Symbol.dispose]();
  }
}
