/** A program that loads the suites that its arguments name, runs nothing, and prints their tests as JSON. */
import Mocha from 'mocha';
import type { ListedTest } from './listed-tests.js';

const tests: ListedTest[] = [];
const mocha = new Mocha();
for (const file of process.argv.slice(2)) mocha.addFile(file);
await mocha.loadFilesAsync();
mocha.suite.eachTest((test) => void tests.push({ test: test.titlePath(), file: test.file ?? '' }));
// What a suite opens where it is defined must not keep this from ending.
process.stdout.write(JSON.stringify(tests), () => process.exit());
