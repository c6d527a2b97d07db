import {
  BackOff,
  errorMessage,
  JitsuError,
  type Clock,
  type Logger,
  type Milliseconds,
  type NotifierStatus,
} from '@jitsud/core/plugin';
import { Xenstore } from '@jitsud/xenstore';
import { findObstacles, PACKAGES } from './advice.js';
import { channelPath, SYNJITSU_PORT } from './channel-path.js';
import { ClientThread } from './client-thread.js';
import { errnoText } from './errno-text.js';
import { findDomain, valueOf } from './find-domain.js';
import { Wake } from './wake.js';

const FIRST_PAUSE: Milliseconds = 250;
const LONGEST_PAUSE: Milliseconds = 15_000;

/** The interval at which a connection is checked. */
const CHECK: Milliseconds = 1_000;

/** How long a record may wait for a connection that is about to be made. */
const CONNECTION_WAIT: Milliseconds = 2_000;

/** Domain 0, the only one from which the socket of xenstored can be reached. */
const OWN_DOMAIN = 0;

/** The connected peer: its domain id, and what it has written into the store for its channel. */
interface Peer {
  readonly domain: number;
  readonly ring: string;
}

/**
 * The state of the port in the store: it was `found` there, and its writer may have gone; it was `written` while we
 * watched, so that its writer can be connected to; or it was `left` by a writer that has gone.
 */
type PortState = 'found' | 'written' | 'left';

/** A connection to the Synjitsu in the domain with a UUID, made in the background, again and again. */
export class SynjitsuLink {
  readonly #thread = new ClientThread();
  readonly #wake: Wake;
  readonly #backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
  #xenstore: Xenstore | undefined;
  #watch: AsyncDisposable | undefined;
  #watched: string | undefined;
  /** Whether the port in the store was written since the last look: a Synjitsu that had gone may have a successor. */
  #hasChanged = false;
  #port: PortState = 'found';
  #peer: Peer | undefined;
  #detail = 'not connected yet';
  #failures = 0;
  #isClosing = false;
  #waiting: (() => void)[] = [];
  #running: Promise<void> | undefined;

  constructor(
    private readonly uuid: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.#wake = new Wake(clock);
  }

  get status(): NotifierStatus {
    return { connected: this.#peer !== undefined, detail: this.#detail };
  }

  /** Begins to connect. @throws JITSU_NOTIFIER_FAILED where libxenvchan is not installed */
  async open(): Promise<void> {
    const reply = await this.#thread.ask({ operation: 'load' });
    if (reply.outcome === 'library-missing' || reply.outcome === 'defect') {
      const advice = reply.outcome === 'defect' ? 'Is the package koffi installed for this platform?' : PACKAGES;
      const message = `Synjitsu cannot be told of anything, as libxenvchan cannot be used: ${reply.message}. ${advice}`;
      throw new JitsuError('JITSU_NOTIFIER_FAILED', message);
    }
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake.ring();
    await this.#running;
    this.#peer = undefined;
    this.#detail = 'closed';
    await this.#thread.close();
    await this.#xenstore?.close();
  }

  /** Rejects without sending when no peer is connected or the peer does not read. */
  async send(record: Uint8Array): Promise<void> {
    if (this.#peer === undefined) await this.#untilLooked();
    if (this.#peer === undefined) throw new Error(this.#detail);
    const { outcome } = await this.#thread.ask({ operation: 'send', bytes: record });
    if (outcome === 'done') return;
    if (outcome === 'full') throw new Error(`domain ${this.#peer.domain} does not read what it is sent`);
    this.#wake.ring();
    throw new Error('the connection has just been lost');
  }

  /** Looks at once, or as soon as the current look has ended, and resolves then; but it does not wait without limit. */
  async #untilLooked(): Promise<void> {
    if (this.#isClosing) return;
    const looked = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#wake.ring();
    let giveUp!: () => void;
    const enough = new Promise<void>((resolve) => (giveUp = resolve));
    using _timer = this.clock.after(CONNECTION_WAIT, giveUp);
    await Promise.race([looked, enough]);
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const detail = await this.#look().catch((error: unknown) => this.#lose(errorMessage(error)));
      this.#tell(detail);
      for (const resolve of waiting) resolve();
      this.#failures = this.#peer === undefined ? this.#failures + 1 : 0;
      await this.#wake.sleep(this.#peer === undefined ? this.#backOff.after(this.#failures) : CHECK);
    }
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Connects where there is no connection, else checks it. Returns a description of the result. */
  async #look(): Promise<string> {
    if (this.#peer !== undefined) {
      const hasChanged = this.#takeChange();
      // Each write of the same writer fires the watch, so that a change alone does not mean another writer.
      const isOther = hasChanged && this.#port === 'found';
      if (!isOther && (await this.#isAlive(this.#peer))) return this.#detail;
      this.#port = hasChanged ? 'written' : 'left';
      this.#tell(this.#lose(`domain ${this.#peer.domain} has closed the connection`));
    }
    const xenstore = (this.#xenstore ??= await this.#openXenstore());
    const domain = await findDomain(xenstore, this.uuid);
    if (domain === undefined) return `no domain has the UUID ${this.uuid}`;

    const path = `/local/domain/${domain}/${channelPath(OWN_DOMAIN, SYNJITSU_PORT)}`;
    // Watched before the first look, so that nothing is missed; what a crashed writer has left may be overwritten, too.
    if (this.#watched !== path) {
      await this.#watch?.[Symbol.asyncDispose]();
      this.#watch = await this.#watchFor(xenstore, path, () => (this.#hasChanged = true));
      [this.#watched, this.#port] = [path, 'found'];
    }
    const ring = await this.#newRingAt(xenstore, path);
    if (ring === undefined) {
      return `nobody in domain ${domain} listens on the port ${SYNJITSU_PORT} for domain ${OWN_DOMAIN}`;
    }
    // Another writer may be about to take over this port: only that writer knows when it can be connected to.
    if (this.#port === 'left') return `who listened in domain ${domain} has gone, and has left his port in the store`;
    const reply = await this.#thread.ask({ operation: 'connect', domain, path });
    if (reply.outcome === 'done') {
      this.#peer = { domain, ring };
      return `domain ${domain}, port ${SYNJITSU_PORT}`;
    }
    const reason = reply.outcome === 'refused' ? errnoText(reply.errno) : 'message' in reply ? reply.message : 'lost';
    const obstacles = await findObstacles('client');
    return [`domain ${domain} listens, and cannot be connected to: ${reason}`, ...obstacles].join('. ');
  }

  async #isAlive({ domain, ring }: Peer): Promise<boolean> {
    const { outcome } = await this.#thread.ask({ operation: 'is-open' });
    if (outcome !== 'done') return false;
    // A domain that was destroyed does not close its channel. Without xenstored, nothing is known.
    const path = `/local/domain/${domain}/${channelPath(OWN_DOMAIN, SYNJITSU_PORT)}`;
    const there = this.#xenstore === undefined ? ring : await this.#ringAt(this.#xenstore, path).catch(() => ring);
    return there === ring;
  }

  /** The same, and only where it is new: written, even with equal contents, since the last look. */
  async #newRingAt(xenstore: Xenstore, path: string): Promise<string | undefined> {
    for (;;) {
      if (this.#takeChange()) this.#port = 'written';
      const ring = await this.#ringAt(xenstore, path);
      // A watch may have reported a change meanwhile.
      if (!this.#hasChanged) return ring;
    }
  }

  /** Whether there was a change since the previous call. */
  #takeChange(): boolean {
    const hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hasChanged;
  }

  /** What the listener has written into the store, for comparison. */
  async #ringAt(xenstore: Xenstore, path: string): Promise<string | undefined> {
    const [ring, port] = [
      await valueOf(xenstore, `${path}/ring-ref`),
      await valueOf(xenstore, `${path}/event-channel`),
    ];
    return ring === undefined || port === undefined ? undefined : `${ring} ${port}`;
  }

  async #openXenstore(): Promise<Xenstore> {
    const { clock, logger } = this;
    const look = (): void => this.#wake.ring();
    const xenstore = await Xenstore.open({ clock, logger, onBack: look }).catch(async (error: unknown) => {
      const obstacles = await findObstacles('client');
      throw new Error([errorMessage(error), ...obstacles].join(' '), { cause: error });
    });
    try {
      for (const event of ['@introduceDomain', '@releaseDomain']) await this.#watchFor(xenstore, event);
      return xenstore;
    } catch (error) {
      await xenstore.close();
      throw error;
    }
  }

  /** Looks again when that path changes; the event that comes when a watch is set is ignored. */
  async #watchFor(xenstore: Xenstore, path: string, onChange: () => void = () => undefined): Promise<AsyncDisposable> {
    let isFirst = true;
    return xenstore.watch(path, () => {
      if (!isFirst) {
        onChange();
        this.#wake.ring();
      }
      isFirst = false;
    });
  }

  #lose(reason: string): string {
    this.#peer = undefined;
    return reason;
  }

  #tell(detail: string): void {
    if (detail === this.#detail) return;
    this.#detail = detail;
    if (this.#peer === undefined) this.logger.warn({ uuid: this.uuid }, `Synjitsu is not connected: ${detail}`);
    else this.logger.info({ uuid: this.uuid }, `Synjitsu is connected: ${detail}`);
  }
}
