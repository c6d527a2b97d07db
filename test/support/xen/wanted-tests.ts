import { parseArgs } from 'node:util';
import Mocha from 'mocha';

/**
 * Whether a test of this full title is to run, by the `--grep`, `--fgrep` and `--invert` that mocha was given: a run
 * elsewhere is told what it need not run. `npm test` says them in `JITSU_TEST_ARGUMENTS`, since mocha's own processes
 * do not know them.
 */
export function isWanted(title: string): boolean {
  const given = process.env['JITSU_TEST_ARGUMENTS'];
  const args = given === undefined ? process.argv.slice(2) : (JSON.parse(given) as string[]);
  const { values } = parseArgs({
    args,
    strict: false,
    options: {
      grep: { type: 'string', short: 'g' },
      fgrep: { type: 'string', short: 'f' },
      invert: { type: 'boolean', short: 'i' },
    },
  });
  const { grep, fgrep, invert } = values;
  const mocha = new Mocha();
  if (typeof grep === 'string') mocha.grep(grep);
  else if (typeof fgrep === 'string') mocha.fgrep(fgrep);
  else return true;
  return (mocha.options.grep as RegExp).test(title) !== (invert === true);
}
