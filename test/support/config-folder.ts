import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

/** A folder outside the repository that a test fills with configurations and plugins. */
export class ConfigFolder {
  private constructor(readonly path: string) {}

  static async make(files: Readonly<Record<string, string>> = {}): Promise<ConfigFolder> {
    const folder = new ConfigFolder(await realpath(await mkdtemp(join(tmpdir(), 'jitsu-config-'))));
    for (const [name, content] of Object.entries(files)) await folder.write(name, content);
    return folder;
  }

  join(name: string): string {
    return join(this.path, name);
  }

  async write(name: string, content: string): Promise<string> {
    const file = this.join(name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    return file;
  }

  /** Makes a package of the repository's installation importable from here. */
  async link(name: string): Promise<void> {
    const target = this.join(join('node_modules', name));
    await mkdir(dirname(target), { recursive: true });
    await symlink(await realpath(join(REPOSITORY, 'node_modules', name)), target);
  }

  /** Every file and folder in it. */
  async contents(): Promise<readonly string[]> {
    return (await readdir(this.path, { recursive: true })).sort();
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
