import assert from 'node:assert/strict';
import type { ZodObject } from 'zod';
import type { Command, CommandTerminal } from '../contracts/command.js';
import { deepFreeze } from './deep-freeze.js';
import { inTime, isPending, PATIENCE } from './eventually.js';
import { useHarness, type Harness } from './harness.js';

/** Flags by key, before the schema parses them. */
type Flags = Readonly<Record<string, unknown>>;

/** A run of a command that ends by itself. */
export interface CommandRun {
  /** The test title, completing "the command …". */
  readonly it: string;
  readonly flags: Flags;
  /** Called while the command runs; brings about the event that the command waits for. */
  meanwhile?(): Promise<void> | void;
  /** A pattern of the whole output. */
  readonly out?: RegExp;
  /** A pattern of all remarks (`err`). */
  readonly err?: RegExp;
  /** A pattern of the error message; if absent, the command must succeed. */
  readonly fails?: RegExp;
}

/**
 * The harness of {@link describeCommand}. The optional member `endless` is a capability switch.
 *
 * @example
 * ```ts
 * describeCommand('the greeting', {
 *   schema: greetingOptions,
 *   command: (options) => new Greeting(options),
 *   runs: [{ it: 'greets the world', flags: {}, out: /^hello, world\n$/ }],
 *   refused: [{ because: 'a number for a name', flags: { name: 5 } }],
 * });
 * ```
 */
export interface CommandHarness<S extends ZodObject> extends Harness {
  /** The registered schema of its flags. */
  readonly schema: S;
  /** Creates the command with parsed flags. */
  command(options: ReturnType<S['parse']>): Command | Promise<Command>;
  readonly runs: readonly CommandRun[];
  /** Flags with which it runs until it is aborted; absent if it always ends by itself. */
  readonly endless?: Flags;
  /** Flags that the schema refuses. */
  readonly refused?: readonly { readonly because: string; readonly flags: Flags }[];
}

/** Defines the mocha tests of the command contract, with mocha's global `describe` and `it`. */
export function describeCommand<S extends ZodObject>(name: string, harness: CommandHarness<S>): void {
  describe(`${name} (command contract)`, function () {
    this.timeout(6 * PATIENCE);

    useHarness(harness);

    const start = async (flags: Flags, signal: AbortSignal): Promise<{ run: Promise<void>; printed: Printed }> => {
      const options = deepFreeze(harness.schema.parse(flags)) as ReturnType<S['parse']>;
      const command = await harness.command(options);
      const printed = new Printed();
      const run = command.run(printed, signal);
      // The test may end before the command does.
      run.catch(() => undefined);
      return { run, printed };
    };

    it('describes each of its flags', () => {
      for (const [key, flag] of Object.entries(harness.schema.shape)) {
        assert.match(key, /^[a-z][a-zA-Z0-9]*$/, `the flag ${key} is not in camelCase`);
        const { description } = flag as { readonly description?: string };
        assert.ok(description !== undefined && description !== '', `the help says nothing of ${key}`);
      }
    });

    for (const { because, flags } of harness.refused ?? []) {
      it(`refuses ${because}`, () => assert.equal(harness.schema.safeParse(flags).success, false));
    }

    for (const example of harness.runs) {
      const { it: sentence, flags, out, err, fails } = example;
      it(`${sentence}, and prints whole lines`, async () => {
        const controller = new AbortController();
        try {
          const { run, printed } = await start(flags, controller.signal);
          await example.meanwhile?.();
          const ended = inTime(run, 'it does not end by itself', harness.patience);
          if (fails === undefined) await ended;
          else await assert.rejects(ended, fails);
          if (out !== undefined) assert.match(printed.output, out);
          if (err !== undefined) assert.match(printed.remarks, err);
          for (const text of [printed.output, printed.remarks]) {
            assert.ok(text === '' || text.endsWith('\n'), `the last line has no end: ${JSON.stringify(text)}`);
          }
        } finally {
          controller.abort();
        }
      });
    }

    const { endless } = harness;
    if (endless !== undefined) {
      it('goes on until it is told to end, and ends in order', async () => {
        const controller = new AbortController();
        const { run } = await start(endless, controller.signal);
        assert.ok(await isPending(run, 300), 'it has ended by itself');
        controller.abort(new Error('enough'));
        await inTime(run, 'it does not end', harness.patience);
      });

      it('ends at once when it was told to end before it began', async () => {
        const { run } = await start(endless, AbortSignal.abort(new Error('enough')));
        await inTime(run, 'it does not end', harness.patience);
      });
    }
  });
}

/** Records the output and the remarks of a command. */
class Printed implements CommandTerminal {
  output = '';
  remarks = '';

  out(text: string): void {
    this.output += text;
  }

  err(text: string): void {
    this.remarks += text;
  }
}
