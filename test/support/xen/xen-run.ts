import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, keepWhatIsUsed } from '../cache-folder.js';
import { cannotRun } from '../cannot-run.js';
import { requireTool } from '../require-tool.js';
import { prepareDom0Image } from './image/dom0-image.js';
import { writeExt4Image } from './image/ext4-image.js';
import type { TestEvent, TestOutcome, TestPath } from './test-event.js';
import type { TestRequest } from './test-request.js';
import { TestResults } from './test-results.js';
import { copyWorkspace } from './workspace-tree.js';
import { XenMachine, type MachinePrograms } from './xen-machine.js';

const run = promisify(execFile);
const DAYS_KEPT = 2;
/** Until Node runs in dom0, and for any one test: in milliseconds. A suite's own limits are shorter. */
const BOOT_LIMIT = 180_000;
const TEST_LIMIT = 240_000;
/** For what the last suite does after its last test, and for an orderly end, at which the machine leaves its logs. */
const END_LIMIT = 60_000;

/**
 * Suites that run in dom0 of a {@link XenMachine}, one after the other. Dispose it in an `after` hook: that ends the
 * machine, and throws what no test has told.
 */
export class XenRun implements AsyncDisposable {
  readonly #results = new TestResults();
  #limit: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;

  private constructor(
    private readonly machine: XenMachine,
    private readonly folder: string,
    private readonly tests: readonly TestPath[],
  ) {}

  /** Makes what the machine needs, and starts it. The calling suite is skipped where that cannot be done. */
  static async start(context: Mocha.Context, request: TestRequest): Promise<XenRun> {
    if (process.arch !== 'x64') cannotRun(context, 'the machine that Xen runs on is made for x86-64');
    const programs: MachinePrograms = {
      qemu: requireTool(context, 'qemu-system-x86_64'),
      setpriv: requireTool(context, 'setpriv'),
    };
    requireTool(context, 'mke2fs');
    requireTool(context, 'xz');
    requireTool(context, 'lz4');
    const folder = cacheFolder('xen-runs', `${new Date().toISOString().replaceAll(':', '')}-${process.pid}`);
    await mkdir(folder, { recursive: true });
    await keepWhatIsUsed(folder, DAYS_KEPT);
    const [image, workspace] = await Promise.allSettled([prepareDom0Image(), writeWorkspace(folder, request)]);
    if (image.status === 'rejected') cannotRun(context, `no image with Xen can be made here: ${String(image.reason)}`);
    if (workspace.status === 'rejected') throw workspace.reason;
    const machine = await XenMachine.start(programs, image.value, workspace.value, folder);
    const started = new XenRun(machine, folder, request.tests);
    started.#reading = started.#read();
    return started;
  }

  /** What Xen and dom0 print; it stays for some days. */
  get consoleFile(): string {
    return this.machine.consoleFile;
  }

  /** What came of a test, when it has ended; rejects where it did not run, or not to its end, and says why. */
  async outcomeOf(test: TestPath): Promise<TestOutcome> {
    return await this.#results.of(test);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#results.hasAll(this.tests)) await this.machine.untilEnded(END_LIMIT);
    clearTimeout(this.#limit);
    await this.machine[Symbol.asyncDispose]();
    await this.#reading;
    await rm(join(this.folder, 'workspace.ext4'), { force: true });
    await this.#unpackLogs();
    const unsaid = this.#results.unsaid();
    if (unsaid.length > 1) throw new AggregateError(unsaid, unsaid.map(({ message }) => message).join('\n'));
    if (unsaid[0] !== undefined) throw unsaid[0];
  }

  async #read(): Promise<void> {
    this.#wait(BOOT_LIMIT, 'before its suites began');
    for await (const line of this.machine.lines()) {
      const event = eventOf(line);
      if (event !== undefined) this.#results.add(event);
      this.#wait(TEST_LIMIT, this.#results.progress);
    }
    clearTimeout(this.#limit);
    if (!this.#results.isComplete) await this.#giveUp(`ended ${this.#results.progress}`);
  }

  #wait(milliseconds: number, when: string): void {
    clearTimeout(this.#limit);
    this.#limit = setTimeout(() => {
      void this.#giveUp(`has said nothing for ${milliseconds / 1000} s, ${when}`).finally(() =>
        this.machine[Symbol.asyncDispose](),
      );
    }, milliseconds);
  }

  async #giveUp(what: string): Promise<void> {
    const tail = await this.machine.consoleTail();
    this.#results.end(new Error(`Xen under QEMU ${what}. ${this.machine.consoleFile} ends with:\n${tail}`));
  }

  /** The logs of dom0 come at its orderly end only. */
  async #unpackLogs(): Promise<void> {
    const archive = join(this.folder, 'logs.tar');
    const start = await readFile(archive);
    const isWritten = start.subarray(0, 512).some((byte) => byte !== 0);
    if (isWritten) await run('tar', ['--extract', '--directory', this.folder, '--file', archive]);
    await rm(archive);
  }
}

/** A line may be cut off where the machine has ended. */
function eventOf(line: string): TestEvent | undefined {
  try {
    return JSON.parse(line) as TestEvent;
  } catch {
    return undefined;
  }
}

/** An image of a disk with the workspace as it is now, and the request. */
async function writeWorkspace(folder: string, request: TestRequest): Promise<string> {
  const tree = join(folder, 'workspace');
  const image = `${tree}.ext4`;
  await copyWorkspace(tree);
  await writeFile(join(tree, 'request.json'), JSON.stringify(request));
  await writeExt4Image(image, tree, 1);
  await rm(tree, { recursive: true });
  return image;
}
