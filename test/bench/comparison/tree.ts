import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A built checkout of Jitsu. */
export interface Tree {
  readonly label: string;
  readonly folder: string;
  /** The file that Node runs as its `jitsu`. */
  readonly command: string;
  /** The file that Node runs as its `npm run bench`. */
  readonly bench: string;
}

/** The checkout that this bench belongs to. */
export const OWN_TREE = fileURLToPath(new URL('../../../..', import.meta.url));

/** Finds the command of a checkout, as the package.json of its cli names it; throws where the checkout is not built. */
export function openTree(label: string, path: string): Tree {
  const folder = resolve(path);
  const manifest = join(folder, 'cli/package.json');
  if (!existsSync(manifest)) throw new Error(`${folder} is no checkout of Jitsu: it has no cli/package.json.`);
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: string | Record<string, string> };
  const command = join(folder, 'cli', typeof bin === 'string' ? bin : (bin['jitsu'] ?? ''));
  const bench = join(folder, 'test/dist/bench/run.js');
  for (const file of [command, join(folder, 'cli/dist'), join(folder, 'core/dist/index.js'), bench]) {
    if (!existsSync(file)) throw new Error(`${folder} is not built: ${file} is missing. Run npm ci there.`);
  }
  return { label, folder, command, bench };
}
