import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { openTree, OWN_TREE, type Tree } from './comparison/tree.js';

/** The packages of this checkout as they are published, made anew. */
export function publishedTree(): Tree {
  execFileSync(process.execPath, ['scripts/bundle.mjs'], { cwd: OWN_TREE });
  const command = join(OWN_TREE, 'published/node_modules/@jitsud/cli/bin/jitsu.js');
  return { ...openTree('published', OWN_TREE), command };
}
