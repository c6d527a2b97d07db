/**
 * The first half of `npm run layers`: no circle among the rooms of core, no file outside of them, and no plugin's name in
 * core or the command. The rules for single files stand in .dependency-cruiser.cjs. Ends with status 1 where one is
 * broken.
 */
import { fileURLToPath } from 'node:url';
import { findFolderCycles } from './rooms/folder-cycles.mjs';
import { findPluginNames } from './rooms/plugin-names.mjs';
import { sourceFiles } from './rooms/source-files.mjs';

/** The source files of core that belong to the whole and so to no room, each with the reason. */
const LOOSE = {
  'core/src/index.ts': 'the face for programs that run Jitsu',
  'core/src/plugin.ts': 'the face for plugins',
  'core/src/jitsu.ts': 'the composition root',
  'core/src/load.ts': 'gives configuration what only the whole knows',
  'core/src/errors.ts': 'the errors of all rooms',
  'core/src/clock.ts': 'the time of all rooms',
  'core/src/version.ts': 'the version of the whole',
};

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const files = sourceFiles('core/src');
const problems = [...cycles(), ...looseFiles(), ...pluginNames()];
for (const problem of problems) console.error(`error ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

function cycles() {
  return findFolderCycles('core/src', files).map(
    ({ folders, imports }) => `rooms import each other in a circle, ${folders.join(' → ')}: ${imports.join('; ')}`,
  );
}

function looseFiles() {
  const loose = files.filter((file) => /^core\/src\/[^/]+$/.test(file) && !(file in LOOSE));
  return [
    ...loose.map((file) => `${file} lies in no room: move it into one, or give a reason in scripts/check-rooms.mjs`),
    ...Object.keys(LOOSE)
      .filter((file) => !files.includes(file))
      .map((file) => `there is no ${file} any more: take it from the list in scripts/check-rooms.mjs`),
  ];
}

function pluginNames() {
  return findPluginNames([...files, ...sourceFiles('cli/src'), ...sourceFiles('cli/bin')]).map(
    ({ file, line, name }) => `${file}:${line} knows a plugin by its name: ${name}`,
  );
}
