import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where the sources of each package lie and where `tsc -b` puts what it builds from them. */
const plugins = readdirSync('plugins').map((name) => [join('plugins', name, 'src'), join('plugins', name, 'dist')]);
const PROJECTS = [['core/src', 'core/dist'], ['cli/src', 'cli/dist'], ['test', 'test/dist'], ...plugins];

/**
 * Removes built files whose source is gone, which `tsc -b` leaves behind: a removed test would still run and a removed
 * module would still be published.
 */
export function removeStaleOutput() {
  for (const [source, output] of PROJECTS) {
    if (!existsSync(output)) continue;
    for (const name of readdirSync(output, { recursive: true, encoding: 'utf8' })) {
      const [, stem] = /^(.*?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(name) ?? [];
      if (stem !== undefined && !existsSync(join(source, `${stem}.ts`))) rmSync(join(output, name));
    }
  }
}
