import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { openTree, OWN_TREE, type Tree } from './comparison/tree.js';

/** The packages of a checkout as they are published, made anew: what people run, and not what a checkout runs. */
export function publishedTree(label = 'published', folder = OWN_TREE): Tree {
  const tree = openTree(label, folder);
  execFileSync(process.execPath, ['scripts/bundle.mjs'], { cwd: tree.folder });
  return { ...tree, command: join(tree.folder, 'published/node_modules/@jitsud/cli/bin/jitsu.js') };
}
