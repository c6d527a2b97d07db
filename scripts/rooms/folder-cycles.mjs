import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/**
 * The circles in which rooms import each other, types included. A room is a folder right below the root with all that is
 * in it; in `dns`, which has rooms of its own, each of these, and `dns` for the files right in it. Of each pair of folders that is part of a circle, the shortest one is told, with the imports that make
 * it.
 *
 * @param {string} root files right in it belong to no room, and take no part
 * @param {readonly string[]} files
 * @returns {{ folders: string[], imports: string[] }[]} the first folder is repeated at the end
 */
export function findFolderCycles(root, files) {
  const edges = edgesBetween(root, files);
  const found = new Map();
  for (const [from, targets] of edges) {
    for (const to of targets.keys()) {
      const back = shortestPath(edges, to, from);
      if (back === undefined) continue;
      const folders = startingWithFirst([from, ...back.slice(0, -1)]);
      found.set(folders.join(), folders);
    }
  }
  return [...found.values()]
    .map((folders) => ({
      folders: [...folders, folders[0]],
      imports: folders.map((folder, n) => edges.get(folder).get(folders[(n + 1) % folders.length])),
    }))
    .toSorted((a, b) => (a.folders.join() < b.folders.join() ? -1 : 1));
}

/** For each folder those that it imports, with one import of each as an example. */
function edgesBetween(root, files) {
  const edges = new Map();
  for (const file of files) {
    const folder = roomOf(root, file);
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
      if (!fileName.startsWith('.')) continue;
      const imported = join(dirname(file), fileName);
      const target = roomOf(root, imported);
      if (target === folder || target === '' || folder === '' || target === '..') continue;
      if (!edges.has(folder)) edges.set(folder, new Map());
      if (!edges.get(folder).has(target)) edges.get(folder).set(target, `${file} imports ${imported}`);
    }
  }
  return edges;
}

function roomOf(root, file) {
  const [first, second] = relative(root, dirname(file)).split('/');
  return first === 'dns' && second !== undefined ? `${first}/${second}` : first;
}

function shortestPath(edges, from, to) {
  const before = new Map([[from, undefined]]);
  for (const folder of before.keys()) {
    if (folder === to) {
      const path = [];
      for (let step = to; step !== undefined; step = before.get(step)) path.unshift(step);
      return path;
    }
    for (const next of edges.get(folder)?.keys() ?? []) if (!before.has(next)) before.set(next, folder);
  }
  return undefined;
}

/** The same circle, whichever folder it was found from. */
function startingWithFirst(folders) {
  const first = folders.indexOf(folders.toSorted()[0]);
  return [...folders.slice(first), ...folders.slice(0, first)];
}
