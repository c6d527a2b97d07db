import assert from 'node:assert/strict';
import type { BootConfigurator, BootingDomain } from '../contracts/boot-configurator.js';
import { JitsuError } from '../errors.js';
import { deepFreeze } from './deep-freeze.js';
import { inTime, PATIENCE } from './eventually.js';
import { rejectsWithCode } from './rejects-with-code.js';
import { useHarness, type Harness } from './harness.js';

/** The options of a unikernel, as a backend's schema parses them. */
type Options = Readonly<Record<string, unknown>>;

/**
 * The harness of {@link describeBootConfigurator}. Optional members are capability switches.
 *
 * @example
 * ```ts
 * describeBootConfigurator('the key configurator', {
 *   configurator: () => new KeyConfigurator(store),
 *   concerned: { key: 'abc' },
 *   unconcerned: {},
 *   found: ({ domainId }) => store.get(`${domainId}/key`),
 *   refused: [{ because: 'an empty key', options: { key: '' }, problem: /key/ }],
 * });
 * ```
 */
export interface BootConfiguratorHarness extends Harness {
  configurator(): BootConfigurator | Promise<BootConfigurator>;
  /** The options of a unikernel that it configures; called in each test, after `setUp`. */
  concerned(): Options;
  /** The options of a unikernel that it does not configure. */
  unconcerned(): Options;
  /** The configuration that the guest of this domain finds; `undefined` if there is none. */
  found(domain: BootingDomain): unknown;
  /** Options that `check` and `configure` refuse, with a pattern of the message. */
  readonly refused?: readonly { readonly because: string; options(): Options; readonly problem: RegExp }[];
  /** Breaks the system, so that every `configure` fails. */
  breakDown?(): Promise<void> | void;
}

/** Defines the mocha tests of the boot configurator contract, with mocha's global `describe` and `it`. */
export function describeBootConfigurator(name: string, harness: BootConfiguratorHarness): void {
  describe(`${name} (boot configurator contract)`, function () {
    this.timeout(3 * PATIENCE);
    let configurator: BootConfigurator;

    useHarness(harness, async () => void (configurator = await harness.configurator()));

    const domain = (domainId: number, options: Options): BootingDomain =>
      deepFreeze({ name: `machine-${domainId}`, id: idOf(domainId), domainId, options: { ...options } });

    it('accepts a unikernel that it can configure, and gives its guest something to find', async () => {
      const booting = domain(1, harness.concerned());
      await configurator.check?.(booting);
      assert.equal(await harness.found(booting), undefined, 'the guest finds something before it was configured');
      await configurator.configure(booting);
      assert.notEqual(await harness.found(booting), undefined, 'the guest finds nothing');
    });

    it('has done everything when it resolves, for several domains at the same time', async () => {
      const booting = [1, 2, 3, 4, 5].map((domainId) => domain(domainId, harness.concerned()));
      await Promise.all(
        booting.map(async (each) => {
          await configurator.configure(each);
          assert.notEqual(await harness.found(each), undefined, `the guest of ${each.name} finds nothing`);
        }),
      );
    });

    it('configures the next boot of the same unikernel as it did the first', async () => {
      const first = domain(1, harness.concerned());
      const second = { ...first, domainId: 2 };
      await configurator.configure(first);
      await configurator.configure(second);
      assert.deepEqual(await harness.found(second), await harness.found(first));
    });

    it('leaves alone a unikernel that does not concern it', async () => {
      const booting = domain(1, harness.unconcerned());
      await configurator.check?.(booting);
      await configurator.configure(booting);
      assert.equal(await harness.found(booting), undefined, 'the guest finds something');
      assert.equal(await configurator.commandLine?.(booting), undefined);
    });

    it('gives the command line words of one line, the same each time, or nothing', async () => {
      const booting = domain(1, harness.concerned());
      const words = await configurator.commandLine?.(booting);
      assert.equal(await configurator.commandLine?.(booting), words);
      if (words === undefined) return;
      assert.equal(words, words.trim(), 'Jitsu puts the space before it');
      // eslint-disable-next-line no-control-regex -- a command line ends at a NUL, and kernels take no other control characters
      assert.doesNotMatch(words, /^$|[\x00-\x1f]/, 'it is empty, or has control characters in it');
    });

    for (const refused of harness.refused ?? []) {
      const { because, problem } = refused;
      it(`refuses ${because}, by the name of the unikernel, before its first boot and at it`, async () => {
        const booting = domain(1, refused.options());
        if (configurator.check !== undefined) {
          const { message } = await rejectsWithCode(configurator.check(booting), 'JITSU_UNIKERNEL_INVALID');
          assert.match(message, problem);
          assert.match(message, /\bmachine-1\b/, 'it does not say which unikernel');
        }
        await assert.rejects(configurator.configure(booting), problem);
        assert.equal(await harness.found(booting), undefined, 'the guest finds something');
      });
    }

    if (harness.breakDown !== undefined) {
      it('fails the boot, by a JitsuError and in time, when it cannot configure', async () => {
        await harness.breakDown?.();
        const configured = configurator.configure(domain(1, harness.concerned()));
        await assert.rejects(inTime(configured, 'it has not settled in time', harness.patience), JitsuError);
      });
    }
  });
}

function idOf(domainId: number): string {
  return `0f0f0f0f-0000-5000-8000-${String(domainId).padStart(12, '0')}`;
}
