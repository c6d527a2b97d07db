import assert from 'node:assert/strict';
import { commandHelp } from '#cli/help/command-help.js';
import { commandExamples, commandSummaries, isCommandName } from '#cli/help/command-summaries.js';
import { parse } from '#cli/parse.js';
import { runJitsu } from '../../support/jitsu-command.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** The usage, a sentence, the flags as sentences with their defaults in parentheses, a remark, and an example. */
const FORM =
  /^Usage: jitsu \S+ .*\n\n[A-Z][^\n]*\.\n\nOptions:\n((?: {2}-[^\n]*\n(?: {10,}[^\n]*\n)*)+)(?:\n[A-Z][^\n]*\n[^\n]+\n)?\nExample:\n {2}jitsu [^\n]+\n$/;

const assertForm = (help: string): void => {
  const options = FORM.exec(help)?.[1] ?? assert.fail(help);
  for (const option of options.split(/\n(?= {2}-)/)) {
    assert.match(option.replace(/\s+/g, ' '), /^ -(.*?)( <[^>]+>| \[[^\]]+\])? [A-Za-z].*\.( \([^()]+\))? ?$/);
  }
  assert.deepEqual(
    help.split('\n').filter(({ length }) => length > 80),
    [],
  );
};

describe('the help of a command', () => {
  for (const name of Object.keys(commandSummaries).filter(isCommandName)) {
    it(`has the form of all others: ${name}`, () => assertForm(commandHelp(name)));

    it(`has an example that can be parsed: ${name}`, () => {
      const words = commandExamples[name].replaceAll("'", '').split(' ');
      assert.equal(words[0], 'jitsu');
      assert.equal(parse(words.slice(1)).command, name);
    });
  }

  it('has the same form for the command of a plugin', async () => {
    using folder = new TemporaryFolder();
    const { stdout } = await runJitsu(['synjitsu-listen', '--help'], { cwd: folder.path });
    assertForm(stdout);
  });
});
