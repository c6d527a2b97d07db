import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** All TypeScript files below a folder, with the folder's path before them. */
export function sourceFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
    .sort();
}
