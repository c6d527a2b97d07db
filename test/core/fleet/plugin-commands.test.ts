import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Clock } from '#core/contracts/clock.js';
import type { CommandTerminal } from '#core/contracts/command.js';
import type { Logger } from '#core/contracts/logger.js';
import { ConfigProblems } from '#core/config/config-problems.js';
import { pluginCommands } from '#core/fleet/plugin-commands.js';
import { Contributions } from '#core/plugins/contributions.js';
import { inject, optionsOf } from '#core/plugins/injection.js';
import { CLOCK, LOGGER } from '#core/plugins/tokens.js';
import { MemoryLogger } from '../../support/memory-logger.js';

const schema = z.strictObject({
  times: z.number().int().default(1).describe('How often'),
  loud: z.boolean().default(false).describe('Whether in capitals'),
});

class Greet {
  constructor(
    @inject(optionsOf(schema)) private readonly options: z.output<typeof schema>,
    @inject(LOGGER) private readonly logger: Logger,
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  async run(terminal: CommandTerminal, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.logger.info({}, `greets ${this.clock.now() > 0}`);
    const word = this.options.loud ? 'HELLO' : 'hello';
    for (let n = 0; n < this.options.times; n += 1) terminal.out(word);
  }
}

describe('the commands of plugins', () => {
  const logger = new MemoryLogger();
  const contributions = new Contributions();
  contributions.register('a plugin', (registry) =>
    registry.command({ name: 'greet', description: 'Greets', useClass: Greet, options: schema }),
  );
  const [greet, ...others] = pluginCommands(contributions, logger);
  const said: string[] = [];
  const terminal = { out: (text: string) => void said.push(text), err: () => assert.fail('no errors') };
  const run = (flags: Readonly<Record<string, string | true>>, signal = new AbortController().signal): Promise<void> =>
    greet?.run(flags, terminal, signal) ?? assert.fail('no command');

  beforeEach(() => {
    said.length = 0;
  });

  it('have their names, descriptions and flags', () => {
    assert.equal(others.length, 0);
    assert.deepEqual([greet?.name, greet?.description], ['greet', 'Greets']);
    assert.deepEqual(
      greet?.options.map(({ key, description }) => [key, description]),
      [
        ['times', 'How often'],
        ['loud', 'Whether in capitals'],
      ],
    );
  });

  it('run with their flags, which are text, by a logger that names the plugin, and a clock', async () => {
    await run({});
    await run({ times: '2', loud: true });
    assert.deepEqual(said, ['hello', 'HELLO', 'HELLO']);
    assert.deepEqual(
      logger.entries.map(({ message, fields }) => [message, fields['plugin']]),
      [
        ['greets true', 'greet'],
        ['greets true', 'greet'],
      ],
    );
  });

  it('refuse flags that they do not have, or of the wrong kind, by the names that a command line has', async () => {
    await assert.rejects(run({ times: 'often', quiet: true }), (error) => {
      assert.ok(error instanceof ConfigProblems);
      assert.match(error.message, /^jitsu greet /);
      assert.deepEqual(error.problems.map(({ path }) => path).sort(), ['--quiet', '--times']);
      return true;
    });
    assert.deepEqual(said, []);
  });

  it('end when they are told to', async () => {
    await assert.rejects(run({}, AbortSignal.abort(new Error('enough'))), /^Error: enough$/);
  });
});
