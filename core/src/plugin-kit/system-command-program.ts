/** Executes what its arguments say, after close-inherited.js has closed what it was not meant to get. */
import { spawnSync } from 'node:child_process';

const [file = '', ...words] = process.argv.slice(2);
const { status } = spawnSync(file, words, { stdio: 'inherit' });
// As a shell does for a program that there is not, or that a signal has ended.
process.exitCode = status ?? 127;
