import {
  CLOCK,
  errorMessage,
  inject,
  LOGGER,
  optionsOf,
  type Clock,
  type Logger,
  type ReadinessProbe,
  type ReadinessTarget,
} from '@jitsud/core/plugin';
import { keyWaitOptions, type KeyWaitOptions } from './key-wait-options.js';
import { KeyWait } from './key-wait.js';
import { socketPath } from './socket-path.js';

/**
 * Ready when the guest has written a key below its own node in the store: `ready=xenstore-key:data/ready`, or
 * `wait_for_key=data/ready`. When the time is over, or there is no domain id to look for the key, the unikernel counts
 * as ready all the same, as in the original Jitsu, and a warning is logged.
 */
export class XenstoreKeyProbe implements ReadinessProbe {
  readonly needsRoot = 'xenstore answers root alone';
  readonly #socket = socketPath();

  constructor(
    @inject(optionsOf(keyWaitOptions)) private readonly wait: KeyWaitOptions,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {}

  async untilReady({ name, domainId }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { key, timeout } = this.wait;
    const logger = this.logger.child({ plugin: 'xenstore', unikernel: name });
    if (domainId === undefined) {
      const advice = 'Do not wait for a key, or give it a backend of Xen: libxl, or libvirt at xen:///.';
      logger.warn({ key }, `${name}: no domain id below which to look for '${key}'; answering all the same. ${advice}`);
      return;
    }
    const path = `/local/domain/${domainId}/${key}`;
    const keyWait = new KeyWait(path, { clock: this.clock, logger, socket: this.#socket });

    const end = new AbortController();
    const onAbort = (): void => end.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    using _timer = this.clock.after(timeout, () => end.abort());
    try {
      await keyWait.run(end.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!end.signal.aborted) throw error;
      const { obstacle } = keyWait;
      const why = obstacle === undefined ? 'Does the guest write it?' : errorMessage(obstacle);
      logger.warn(
        { path },
        `${name}: no xenstore key ${path} after ${timeout / 1_000} s; answering all the same. ${why}`,
      );
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
