import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Queries as dnsperf reads them, a name and a type each, in a file that is gone when its scope ends. */
export class QueryFile implements AsyncDisposable {
  private constructor(
    private readonly folder: string,
    readonly path: string,
  ) {}

  static async write(queries: Iterable<string>): Promise<QueryFile> {
    const folder = await mkdtemp(join(tmpdir(), 'jitsu-bench-'));
    const path = join(folder, 'queries');
    await writeFile(path, `${[...queries].join('\n')}\n`);
    return new QueryFile(folder, path);
  }

  /** For what a load generator writes. */
  in(name: string): string {
    return join(this.folder, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
