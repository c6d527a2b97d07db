import { execFile } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cannotRun } from '../cannot-run.js';
import { getPage } from '../guest/get-page.js';
import type { GuestPage } from '../guest/guest-program.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { findGuestFiles, type GuestFiles } from './guest-files.js';
import { xlConfig, type XenGuest, type XenGuestOptions } from './xen-guest.js';

const run = promisify(execFile);
const CONSOLES = '/var/log/xen/console';
const NETWORK = '10.77.0';
/** In milliseconds. Other suites run at the same time, on the processors that emulate this one. */
const COMMAND_LIMIT = 120_000;
const SERVE_LIMIT = 120_000;
/** Where looking takes no other process. */
const SHORT_PAUSE = 50;
let opened = 0;

/**
 * What a plug of a guest's network card runs: it puts the card on its bridge. Xen's own does far more, for two seconds.
 * XENBUS_PATH is the card's folder in xenstore.
 */
const VIF_SCRIPT = `#!/bin/sh
case "$1" in
  online | add)
    ip link set "$vif" master "$(xenstore-read "$XENBUS_PATH/bridge")" up &&
      xenstore-write "$XENBUS_PATH/hotplug-status" connected ;;
  offline | remove) xenstore-rm "$XENBUS_PATH/hotplug-status" 2>/dev/null || true ;;
esac
`;

/**
 * A Xen host, for a suite that runs in its dom0: a bridge of the suite's own, and guests. Dispose it in an `after`
 * hook: then none of its guests is left, however it was started, and no bridge.
 */
export class Dom0 implements AsyncDisposable {
  /** The script that puts a guest's card on its bridge; it takes less time than Xen's own. */
  readonly vifScript: string;
  readonly bridge: string;
  readonly #folder = new TemporaryFolder();
  readonly #guests = new Map<string, XenGuest>();

  private constructor(private readonly files: GuestFiles) {
    opened += 1;
    this.bridge = `jitsu${process.pid}-${opened}`.slice(-15);
    this.vifScript = this.#folder.in('vif');
  }

  /** Skips the suite where this is no dom0. */
  static async open(context: Mocha.Context): Promise<Dom0> {
    const capabilities = await readFile('/proc/xen/capabilities', 'utf8').catch(() => '');
    if (!capabilities.includes('control_d')) cannotRun(context, 'this is no dom0 of Xen (or /proc/xen is not mounted)');
    const dom0 = new Dom0(await findGuestFiles(context));
    try {
      await dom0.#prepare();
    } catch (error) {
      await dom0[Symbol.asyncDispose]();
      throw error;
    }
    return dom0;
  }

  /** Whether all of it is thrown away after the suites, as the tests' own one is. */
  get isDisposable(): boolean {
    return process.env['JITSU_XEN_GUEST'] !== undefined;
  }

  /** Its end of the bridge. */
  get address(): string {
    return `${NETWORK}.1`;
  }

  /** A guest that is not started, with a MAC and an address of its own; the same ones for the same name. */
  guest(name: string, options: XenGuestOptions = {}): XenGuest {
    const known = this.#guests.get(name);
    const number = known?.number ?? this.#guests.size + 2;
    const guest: XenGuest = {
      name,
      number,
      address: `${NETWORK}.${number}`,
      mac: `00:16:3e:4a:00:${number.toString(16).padStart(2, '0')}`,
      bridge: this.bridge,
      script: this.vifScript,
      ...this.files.of(name, `${NETWORK}.${number}`, options, this.#folder.path),
    };
    this.#guests.set(name, guest);
    return guest;
  }

  /** The configuration of a guest for `xl`, as a file; `more` is added to it. */
  async configFile(guest: XenGuest, more = ''): Promise<string> {
    const file = this.#folder.in(`${guest.name}.cfg`);
    await writeFile(file, `${xlConfig(guest)}${more}\n`);
    return file;
  }

  /** Another script that does the same as {@link vifScript}, at a path of its own. */
  script(name: string): string {
    const path = this.#folder.in(`vif-${name}`);
    copyFileSync(this.vifScript, path);
    return path;
  }

  /** Starts a guest by `xl create`; resolves with its domain id. */
  async create(guest: XenGuest): Promise<number> {
    await this.xl('create', '-q', await this.configFile(guest));
    return Number(await this.xl('domid', guest.name));
  }

  /** Runs a command of xl, and resolves with what it printed; rejects where it failed. */
  async xl(...words: string[]): Promise<string> {
    return await this.run('xl', ...words);
  }

  /** Runs any program to its end; rejects where it failed. */
  async run(program: string, ...words: string[]): Promise<string> {
    try {
      const { stdout } = await run(program, words, { timeout: COMMAND_LIMIT, killSignal: 'SIGKILL' });
      return stdout.trim();
    } catch (error) {
      // What was thrown knows nothing of who called.
      throw new Error(`${[program, ...words].join(' ')}: ${(error as { stderr?: string }).stderr ?? ''}`, {
        cause: error,
      });
    }
  }

  /** The domains that there are, but for dom0. */
  async domains(): Promise<readonly { readonly name: string; readonly id: number }[]> {
    const lines = (await this.xl('list')).split('\n').slice(1);
    const domains = lines.map((line) => /^(.+?)\s+(\d+)\s/.exec(line) ?? []);
    return domains.map(([, name = '', id]) => ({ name, id: Number(id) })).filter(({ id }) => id !== 0);
  }

  /** A key of xenstore; a path without a slash in front is one of dom0. */
  async readKey(path: string): Promise<string | undefined> {
    return await this.run('xenstore-read', path).catch(() => undefined);
  }

  /** The body of a page, asked for once; rejects where there is none within 5 seconds. */
  async get(url: string): Promise<string> {
    return await getPage(url);
  }

  /** What a guest says of itself; rejects where it does not serve. */
  async pageOf({ address }: { readonly address: string }): Promise<GuestPage> {
    return JSON.parse(await this.get(`http://${address}/cgi-bin/uptime`)) as GuestPage;
  }

  /** The same, asked for until there is an answer. */
  async untilServing(guest: XenGuest): Promise<GuestPage> {
    return await this.until(
      () => this.pageOf(guest).catch(() => undefined),
      () => this.console(guest.name).then((text) => `nothing serves at ${guest.address}; its console says:\n${text}`),
      SHORT_PAUSE,
    );
  }

  /** Waits until nothing of these guests is left: a domain that is destroyed loses its name a while before its number. */
  async untilGone(...guests: readonly Pick<XenGuest, 'name'>[]): Promise<void> {
    const names = ['(null)', ...guests.map(({ name }) => name)];
    await this.until(
      async () => ((await this.domains()).some(({ name }) => names.includes(name)) ? undefined : true),
      () => `one of these is still there: ${names.slice(1).join(', ')}`,
      SHORT_PAUSE,
    );
  }

  /**
   * Looks again and again until there is something to see; `complaint` is the error of who waits two minutes in vain. Dom0
   * and its guests share one processor: who looks too often slows down what he waits for.
   */
  async until<T>(
    look: () => Promise<T | undefined>,
    complaint: () => string | Promise<string>,
    pause = 300,
  ): Promise<T> {
    const limit = Date.now() + SERVE_LIMIT;
    for (;;) {
      const seen = await look();
      if (seen !== undefined) return seen;
      if (Date.now() > limit) throw new Error(await complaint());
      await sleep(pause);
    }
  }

  /** What a guest has written to its console; empty where it has written nothing. */
  async console(name: string): Promise<string> {
    const text = await readFile(consoleOf(name), 'utf8').catch(() => '');
    return text.replaceAll('\r', '');
  }

  /** Waits until a guest has written this to its console; resolves with all of it. */
  async untilConsole({ name }: XenGuest, pattern: RegExp): Promise<string> {
    return await this.until(
      async () => [await this.console(name)].find((text) => pattern.test(text)),
      async () => `the console of ${name} never showed ${String(pattern)}, but:\n${await this.console(name)}`,
      SHORT_PAUSE,
    );
  }

  /** Destroys the guests of this suite, whoever has started them, and puts aside what their consoles said. */
  async removeGuests(): Promise<void> {
    const ours = (await this.domains()).filter(({ name }) => this.#guests.has(name));
    for (const { id } of ours) await this.xl('destroy', String(id));
    if (ours.length > 0) await this.untilGone(...ours);
    for (const name of this.#guests.keys()) {
      const file = consoleOf(name);
      if (existsSync(file)) await rename(file, `${file}.${Date.now()}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.removeGuests();
    if (existsSync(`/sys/class/net/${this.bridge}`)) await this.run('ip', 'link', 'delete', this.bridge);
    this.#folder[Symbol.dispose]();
  }

  async #prepare(): Promise<void> {
    await writeFile(this.vifScript, VIF_SCRIPT);
    await chmod(this.vifScript, 0o755);
    await this.run('ip', 'link', 'add', this.bridge, 'type', 'bridge', 'forward_delay', '0');
    await this.run('ip', 'address', 'add', `${this.address}/24`, 'dev', this.bridge);
    await this.run('ip', 'link', 'set', this.bridge, 'up');
  }
}

/** Where xenconsoled writes it, with `--log=guest`. */
function consoleOf(name: string): string {
  return join(CONSOLES, `guest-${name}.log`);
}
