import {
  BackOff,
  errorMessage,
  JitsuError,
  nativePackageAdvice,
  Reconnecting,
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
  /** The pause before the next check. */
  readonly pause: Wake;
}

/**
 * The state of the port in the store: it was `found` there, and its writer may have gone; it was `written` while we
 * watched, so that its writer can be connected to; or it was `left` by a writer that has gone.
 */
type PortState = 'found' | 'written' | 'left';

/** A connection to the Synjitsu in the domain with a UUID, made in the background, again and again. */
export class SynjitsuLink {
  readonly #thread = new ClientThread();
  readonly #peers: Reconnecting<Peer>;
  #xenstore: Xenstore | undefined;
  #watch: AsyncDisposable | undefined;
  #watched: string | undefined;
  /** Whether the port in the store was written since the last look: a Synjitsu that had gone may have a successor. */
  #hasChanged = false;
  #port: PortState = 'found';
  #detail = 'not connected yet';

  constructor(
    private readonly uuid: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    const backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
    this.#peers = new Reconnecting<Peer>(clock, {
      open: (_failures, signal) => this.#connect(signal),
      // The thread closes the channel with the next connection, or when it ends.
      close: async ({ pause }) => pause.ring(),
      follow: (peer, lose) => void this.#check(peer, lose),
      pause: (failures) => (failures === 1 ? 0 : backOff.after(failures - 1)),
      absence: (reason) => new JitsuError('JITSU_NOTIFIER_FAILED', errorMessage(reason), { cause: reason }),
      notOpen: () => new JitsuError('JITSU_NOTIFIER_FAILED', 'closed'),
      onLost: ({ message }) => this.#tellAbsence(message),
      onFailed: ({ message }) => this.#tellAbsence(message),
      onBack: ({ domain }) => {
        this.#detail = `domain ${domain}, port ${SYNJITSU_PORT}`;
        logger.info({ uuid }, `Synjitsu is connected: ${this.#detail}`);
      },
    });
  }

  get status(): NotifierStatus {
    return { connected: this.#peers.current !== undefined, detail: this.#detail };
  }

  /** Begins to connect. @throws JITSU_NOTIFIER_FAILED where libxenvchan is not installed */
  async open(): Promise<void> {
    const reply = await this.#thread.ask({ operation: 'load' });
    if (reply.outcome === 'library-missing' || reply.outcome === 'defect') {
      const advice = reply.outcome === 'defect' ? `${nativePackageAdvice('koffi', import.meta.url)}.` : PACKAGES;
      const message = `Synjitsu cannot be told of anything, as libxenvchan cannot be used: ${reply.message}. ${advice}`;
      throw new JitsuError('JITSU_NOTIFIER_FAILED', message);
    }
    this.#peers.keepOpening();
  }

  async close(): Promise<void> {
    await this.#peers.close();
    this.#detail = 'closed';
    await this.#thread.close();
    await this.#xenstore?.close();
  }

  /** Rejects without sending when no peer is connected or the peer does not read. */
  async send(record: Uint8Array): Promise<void> {
    if (this.#peers.current === undefined) await this.#attempted();
    const peer = this.#peers.current;
    if (peer === undefined) throw new Error(this.#detail);
    const { outcome } = await this.#thread.ask({ operation: 'send', bytes: record });
    if (outcome === 'done') return;
    if (outcome === 'full') throw new Error(`domain ${peer.domain} does not read what it is sent`);
    peer.pause.ring();
    throw new Error('the connection has just been lost');
  }

  /** Resolves after another attempt, but does not wait for it without limit. */
  async #attempted(): Promise<void> {
    let giveUp!: () => void;
    const enough = new Promise<void>((resolve) => (giveUp = resolve));
    using _timer = this.clock.after(CONNECTION_WAIT, giveUp);
    await Promise.race([this.#peers.retry(), enough]);
  }

  /** Connects at once where there is no connection, else checks it. */
  #look(): void {
    this.#peers.current?.pause.ring();
    void this.#peers.retry();
  }

  /** Checks the connection until it is lost or closed. */
  async #check(peer: Peer, lose: (reason: unknown) => void): Promise<void> {
    for (;;) {
      if (!this.#hasChanged) await peer.pause.sleep(CHECK);
      if (this.#peers.current !== peer) return;
      const hasChanged = this.#takeChange();
      // Each write of the same writer fires the watch, so that a change alone does not mean another writer.
      const isOther = hasChanged && this.#port === 'found';
      if (isOther || !(await this.#isAlive(peer))) {
        this.#port = hasChanged ? 'written' : 'left';
        return lose(new Error(`domain ${peer.domain} has closed the connection`));
      }
    }
  }

  /** Rejects with the reason why there is no connection. */
  async #connect(signal: AbortSignal): Promise<Peer> {
    const xenstore = (this.#xenstore ??= await this.#openXenstore(signal));
    const domain = await findDomain(xenstore, this.uuid);
    if (domain === undefined) throw new Error(`no domain has the UUID ${this.uuid}`);

    const path = `/local/domain/${domain}/${channelPath(OWN_DOMAIN, SYNJITSU_PORT)}`;
    // Watched before the first look, so that nothing is missed; what a crashed writer has left may be overwritten, too.
    if (this.#watched !== path) {
      await this.#watch?.[Symbol.asyncDispose]();
      this.#watch = await this.#watchFor(xenstore, path, () => (this.#hasChanged = true));
      [this.#watched, this.#port] = [path, 'found'];
    }
    const ring = await this.#newRingAt(xenstore, path);
    if (ring === undefined) {
      throw new Error(`nobody in domain ${domain} listens on the port ${SYNJITSU_PORT} for domain ${OWN_DOMAIN}`);
    }
    // Another writer may be about to take over this port: only that writer knows when it can be connected to.
    if (this.#port === 'left') {
      throw new Error(`who listened in domain ${domain} has gone, and has left his port in the store`);
    }
    signal.throwIfAborted();
    const reply = await this.#thread.ask({ operation: 'connect', domain, path });
    if (reply.outcome === 'done') return { domain, ring, pause: new Wake(this.clock) };
    const reason = reply.outcome === 'refused' ? errnoText(reply.errno) : 'message' in reply ? reply.message : 'lost';
    const obstacles = await findObstacles('client');
    throw new Error([`domain ${domain} listens, and cannot be connected to: ${reason}`, ...obstacles].join('. '));
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

  async #openXenstore(signal: AbortSignal): Promise<Xenstore> {
    const { clock, logger } = this;
    const onBack = (): void => this.#look();
    const xenstore = await Xenstore.open({ clock, logger, onBack }, signal).catch(async (error: unknown) => {
      const obstacles = await findObstacles('client');
      throw new Error([errorMessage(error), ...obstacles].join(' '), { cause: error });
    });
    try {
      for (const event of ['@introduceDomain', '@releaseDomain']) await this.#watchFor(xenstore, event);
      signal.throwIfAborted();
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
        this.#look();
      }
      isFirst = false;
    });
  }

  #tellAbsence(detail: string): void {
    if (detail === this.#detail) return;
    this.#detail = detail;
    this.logger.warn({ uuid: this.uuid }, `Synjitsu is not connected: ${detail}`);
  }
}
