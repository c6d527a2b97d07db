import { chmodSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigProblems } from '../config/config-problems.js';
import type { Settings } from '../config/settings.js';
import type { Logger } from '../contracts/logger.js';
import { errorMessage } from '../errors.js';
import { trustedUsers } from '../files/find-unsafe.js';
import { handBack, handOver, ownFolders } from '../files/own-folders.js';
import { actAs, become, cannotBecome } from './become.js';
import { findBarred } from './find-barred.js';
import { leaveTerminal } from './leave-terminal.js';
import { defaultRunUser, findRunUser, userInWords, type RunUser } from './run-user.js';

/** A part of Jitsu that needs root after the start. */
export interface RootNeed {
  /** What the configuration calls it. */
  readonly name: string;
  /** As `MayNeedRoot.needsRoot`. */
  readonly reason: string;
}

/** Whom Jitsu runs as. */
export interface RunsAs {
  readonly uid: number;
  readonly name?: string;
  /** Whether it was root before. */
  readonly gaveUpRoot?: true;
  /** Why it is root still, where nobody has asked for that. */
  readonly rootKept?: string;
}

const OFF = "privileges: 'none' has it stay root";

/** How Jitsu gives up root. Where it is not root, or is to stay it, nothing is done. */
export class Privileges {
  #user: RunUser | undefined;
  /** Why it stays root, where nobody has asked for that. */
  #obstacle: string | undefined;
  #hasGivenUp = false;

  /**
   * Chooses the user.
   * @param needs the parts that need root later; more of them may be found until `giveUp`
   * @throws JITSU_CONFIG_INVALID for a configured user that there is not, or that is no user of Jitsu's own
   */
  constructor(
    private readonly settings: Pick<Settings, 'privileges' | 'file' | 'pluginFiles' | 'runtimeDirectory'>,
    private readonly needs: () => readonly RootNeed[],
    private readonly logger: Logger,
    trusted = trustedUsers(),
  ) {
    if (settings.privileges === 'none') return;
    const { user } = settings.privileges;
    if (!isRoot()) {
      if (user !== undefined && findRunUser(user)?.uid !== process.geteuid?.()) {
        logger.warn({ user }, 'privileges.user has no effect: only root can become another user');
      }
      return;
    }
    const behind = process.env['SUDO_UID'];
    const person = behind === undefined || !/^\d+$/.test(behind) ? undefined : Number(behind);
    if (user === undefined) {
      this.#user = defaultRunUser(trusted);
      if (this.#user === undefined) this.#obstacle = 'there is no account jitsu, and no free number for it';
      return;
    }
    this.#user = findRunUser(user);
    if (this.#user === undefined)
      throw this.#refusal('There is no such user. Make it (useradd --system), or name another.');
    if (this.#user.uid === 0) throw this.#refusal('That is root. Name a user without rights.');
    if (this.#user.uid === person)
      throw this.#refusal('That is you. Name a user of its own, whose files are not yours.');
    if (trusted.has(this.#user.uid))
      throw this.#refusal(
        'The installed Jitsu belongs to it, so it could change what root runs. Give that to root (chown), or name another.',
      );
  }

  /** Whom Jitsu is to become, or has become; `undefined` where it stays who it is. */
  get user(): RunUser | undefined {
    return this.#user;
  }

  /** Whether it was root and is not any more. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** Whom it runs as. */
  get runsAs(): RunsAs | undefined {
    const uid = process.geteuid?.();
    if (uid === undefined) return undefined;
    const name = this.#user?.name;
    if (this.#hasGivenUp) return { uid, ...(name !== undefined && { name }), gaveUpRoot: true };
    return { uid, ...(this.#obstacle !== undefined && { rootKept: this.#obstacle }) };
  }

  /** What a start would do, for people; `undefined` where nothing is to be told. */
  foretold(): string | undefined {
    if (this.#user !== undefined) this.prepare();
    if (this.#user !== undefined) return `${userInWords(this.#user)}, once it listens`;
    return this.#obstacle === undefined ? undefined : `root: ${this.#obstacle}`;
  }

  /**
   * Finds out whether root can be given up. By default, root is kept where not.
   * @throws JITSU_CONFIG_INVALID with a configured user
   */
  prepare(): void {
    if (this.#user === undefined) return;
    const obstacle = cannotBecome(this.#user) ?? this.#unreadable(this.#user);
    if (obstacle !== undefined) return this.#keep(`${obstacle}.`);
    const barred = this.#barredFrom([this.settings.runtimeDirectory], this.#user);
    if (barred !== undefined) return this.#keep(barred);
    this.#keepForNeeds();
  }

  /** Connects something, as the user where that user is configured although it needs root, so that a refusal shows. */
  connect(action: () => Promise<void>, needsRoot: string | undefined): Promise<void> {
    return this.#user === undefined || this.#hasGivenUp || needsRoot === undefined
      ? action()
      : actAs(this.#user, action);
  }

  /**
   * To be called when all that may need root is made and connected. From then on it is certain whether root is given up.
   * @param seal called where it is: tells others all that they are to do as root later
   * @throws JITSU_CONFIG_INVALID
   */
  async seal(seal: (user: RunUser) => Promise<void>): Promise<void> {
    this.#keepForNeeds();
    this.#keepForFolders();
    const { user } = this;
    if (user === undefined) return;
    try {
      await seal(user);
    } catch (error) {
      return this.#keep(errorMessage(error));
    }
    await leaveTerminal(this.logger);
  }

  /** Becomes the user for good. @throws JITSU_CONFIG_INVALID where that fails */
  giveUp(): void {
    if (this.#user === undefined) return this.#tellKept();
    try {
      handOver(this.#user);
      become(this.#user);
    } catch (error) {
      throw this.#refusal(`Jitsu could not become ${userInWords(this.#user)}: ${errorMessage(error)}. ${OFF}.`, error);
    }
    this.#hasGivenUp = true;
    const { uid, gid } = this.#user;
    this.logger.info({ uid, gid }, `runs as ${userInWords(this.#user)} from now on`);
  }

  /** To be called when the start has failed: undoes what concerns a Jitsu that runs as the user already. */
  abandon(): void {
    if (isRoot()) handBack();
  }

  #keepForNeeds(): void {
    const [need] = this.#user === undefined ? [] : this.needs();
    // A configured user may have been given the right to what needs root by default.
    if (need === undefined || this.#isConfigured) return;
    this.#keep(
      `${need.name} needs root, since ${need.reason}. If a user of its own may do that, name it in privileges.user.`,
    );
  }

  /** @throws JITSU_CONFIG_INVALID with a configured user */
  #keep(obstacle: string): void {
    if (this.#user !== undefined && this.#isConfigured) throw this.#refusal(`It cannot be used: ${obstacle}`);
    this.#user = undefined;
    this.#obstacle ??= obstacle;
  }

  #tellKept(): void {
    if (this.#obstacle === undefined) return;
    this.logger.warn({}, `runs as root, with all its rights: ${this.#obstacle} (${OFF} without this warning)`);
  }

  /** What is imported, and run by new threads, only when it is needed. */
  #unreadable(user: RunUser): string | undefined {
    const files = [fileURLToPath(import.meta.url), process.argv[1] ?? process.execPath, ...this.settings.pluginFiles];
    for (const file of files) {
      const place = failsafe(() => findBarred(file, 'read', user));
      if (place === undefined) continue;
      const advice =
        place === file ? 'Let others read it' : 'Let others pass it (chmod o+x), or install Jitsu elsewhere';
      return `${userInWords(user)} may not enter or read ${place}, and needs ${file}. ${advice}`;
    }
    return undefined;
  }

  #keepForFolders(): void {
    if (this.#user === undefined) return;
    // It stays root's, and the folders of others in it are no one's business but theirs: he may pass, and no more.
    const { runtimeDirectory } = this.settings;
    const { uid, mode } = statSync(runtimeDirectory);
    if (uid === 0) chmodSync(runtimeDirectory, (mode & 0o777) | 0o011);
    const barred = this.#barredFrom(ownFolders(), this.#user);
    if (barred !== undefined) this.#keep(barred);
  }

  #barredFrom(folders: readonly string[], user: RunUser): string | undefined {
    for (const folder of folders) {
      const place = failsafe(() => findBarred(dirname(folder), 'pass', user));
      if (place === undefined) continue;
      return `${userInWords(user)} may not enter ${place}, and needs ${folder}. Let others pass it (chmod o+x), or configure another runtimeDirectory.`;
    }
    return undefined;
  }

  get #isConfigured(): boolean {
    return this.settings.privileges !== 'none' && this.settings.privileges.user !== undefined;
  }

  #refusal(expected: string, cause?: unknown): ConfigProblems {
    const { privileges, file } = this.settings;
    const user = privileges === 'none' ? undefined : privileges.user;
    const given = user === undefined ? {} : { given: typeof user === 'string' ? `'${user}'` : String(user) };
    const problems = new ConfigProblems(file ?? 'The command line', [{ path: 'privileges.user', ...given, expected }]);
    if (cause !== undefined) problems.cause = cause;
    return problems;
  }
}

/** On Linux, as the user who really calls: elsewhere it is not known what other systems take from threads. */
function isRoot(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0 && process.geteuid?.() === 0;
}

function failsafe(look: () => string | undefined): string | undefined {
  try {
    return look();
  } catch {
    // What is not there cannot be needed.
    return undefined;
  }
}
