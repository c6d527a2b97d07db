import assert from 'node:assert/strict';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { inTime, isPending, PATIENCE } from './eventually.js';
import { useHarness, type Harness } from './harness.js';

/** The service of a probed unikernel. */
export interface ProbedService {
  readonly target: ReadinessTarget;
  /** Makes the service answer; it must not answer before this call. */
  answer(): Promise<void> | void;
  /** Stops the service. */
  end(): Promise<void> | void;
}

/**
 * The harness of {@link describeReadinessProbe}.
 *
 * @example
 * ```ts
 * describeReadinessProbe('the file probe', {
 *   probe: () => new FileProbe(new SystemClock(), 'ready'),
 *   service: () => {
 *     const folder = mkdtempSync(join(tmpdir(), 'probe-'));
 *     return {
 *       target: { name: folder, id: randomUUID(), addresses: ['127.0.0.1'] },
 *       answer: () => writeFileSync(join(folder, 'ready'), ''),
 *       end: () => rmSync(folder, { recursive: true }),
 *     };
 *   },
 * });
 * ```
 */
export interface ReadinessProbeHarness extends Harness {
  probe(): ReadinessProbe | Promise<ReadinessProbe>;
  /** Creates a service that does not answer yet, independent of all others. */
  service(): Promise<ProbedService> | ProbedService;
}

/** Defines the mocha tests of the readiness probe contract, with mocha's global `describe` and `it`. */
export function describeReadinessProbe(name: string, harness: ReadinessProbeHarness): void {
  describe(`${name} (readiness probe contract)`, function () {
    this.timeout(3 * PATIENCE);
    let probe: ReadinessProbe;
    const services: ProbedService[] = [];
    const controllers: AbortController[] = [];

    useHarness(
      harness,
      async () => void (probe = await harness.probe()),
      async () => {
        while (controllers.length > 0) controllers.pop()?.abort();
        while (services.length > 0) await services.pop()?.end();
      },
    );

    const settles = (ready: Promise<void>): Promise<void> =>
      inTime(ready, 'it has not settled in time', harness.patience);
    const service = async (): Promise<ProbedService> => {
      const made = await harness.service();
      services.push(made);
      return made;
    };
    const ask = ({ target }: ProbedService): { ready: Promise<void>; controller: AbortController } => {
      const controller = new AbortController();
      controllers.push(controller);
      const ready = probe.untilReady(target, controller.signal);
      // The test may end first and abort the probe, which is not a failure.
      ready.catch(() => undefined);
      return { ready, controller };
    };

    it('resolves when the service answers already', async () => {
      const asked = await service();
      await asked.answer();
      await settles(ask(asked).ready);
    });

    it('waits until the service answers, and no longer', async () => {
      const asked = await service();
      const { ready } = ask(asked);
      assert.ok(await isPending(ready), 'it is ready before its service answers');
      await asked.answer();
      await settles(ready);
    });

    it("rejects with the signal's reason when nobody waits any more", async () => {
      const { ready, controller } = ask(await service());
      assert.ok(await isPending(ready), 'a service that does not answer yet is no failure');
      const reason = new Error('out of patience');
      controller.abort(reason);
      await assert.rejects(settles(ready), (error) => error === reason);
    });

    it("rejects with the signal's reason when nobody waited from the start", async () => {
      const reason = new Error('too late');
      const { target } = await service();
      await assert.rejects(settles(probe.untilReady(target, AbortSignal.abort(reason))), (error) => error === reason);
    });

    it('tells services apart that it asks side by side', async () => {
      const [slow, fast] = [await service(), await service()];
      const [slowly, quickly] = [ask(slow), ask(fast)];
      await fast.answer();
      await settles(quickly.ready);
      assert.ok(await isPending(slowly.ready), 'a service is ready because another one is');
      slowly.controller.abort();
    });
  });
}
