import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dom0Image } from './image/dom0-image.js';

const MEBIBYTES = 3072;
const DOM0_MEBIBYTES = 1536;
const LOGS_SIZE = 64 * 2 ** 20;
const TAIL = 40;

/** What spares Xen and dom0 some seconds of their boot: nothing is measured, scrubbed, tested or hardened. */
const XEN_OPTIONS = [
  `dom0_mem=${DOM0_MEBIBYTES}M,max:${DOM0_MEBIBYTES}M`,
  'console=com1',
  'com1=115200,8n1',
  'bootscrub=0',
  'spec-ctrl=no',
  'xpti=no',
  'cpufreq=none',
];
const KERNEL_OPTIONS = [
  'console=hvc0',
  'quiet',
  'mitigations=off',
  'init_on_alloc=0',
  'hardened_usercopy=off',
  'randomize_kstack_offset=off',
  'lsm=capability',
  'nowatchdog',
  'nokaslr',
  'cryptomgr.notests',
  'audit=0',
  'random.trust_cpu=on',
];

/** The programs that it is made with, by the tools of test/support/system-tools.ts. */
export interface MachinePrograms {
  readonly qemu: string;
  readonly setpriv: string;
}

/**
 * A machine that QEMU emulates, on which Xen runs with its dom0. What dom0 writes to its port comes out line by line.
 * The disk of dom0 stays as it is: what is written to it is gone at the end. Dispose it: that ends QEMU, which also
 * ends with this process.
 */
export class XenMachine implements AsyncDisposable {
  /** What Xen, dom0's kernel and dom0's programs print. */
  readonly consoleFile: string;
  readonly #qemu: ChildProcess;
  readonly #ended: Promise<unknown>;
  #complaints = '';

  private constructor(
    { qemu, setpriv }: MachinePrograms,
    { xen, kernel, initrd, disk }: Dom0Image,
    workspace: string,
    folder: string,
  ) {
    this.consoleFile = join(folder, 'console.log');
    const drive = (id: string, file: string, more: string): string[] => [
      ...['-drive', `id=${id},file=${file},format=raw,if=none,${more}`],
      ...['-device', `virtio-blk-pci,drive=${id}`],
    ];
    const words = [
      ...['-M', 'q35', '-accel', 'tcg,thread=multi,tb-size=1024', '-cpu', 'qemu64,+svm,+npt', '-smp', '1'],
      ...['-m', String(MEBIBYTES), '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...['-serial', `file:${this.consoleFile}`],
      ...['-kernel', xen, '-append', XEN_OPTIONS.join(' ')],
      ...['-initrd', `${kernel} ${KERNEL_OPTIONS.join(' ')},${initrd}`],
      ...drive('root', disk, 'snapshot=on'),
      ...drive('workspace', workspace, 'readonly=on'),
      ...drive('logs', logsIn(folder), 'cache=unsafe'),
      ...['-chardev', 'stdio,id=port,signal=off', '-device', 'virtio-serial-pci'],
      ...['-device', 'virtserialport,chardev=port'],
    ];
    // Its input stays open: at its end QEMU would close the port.
    this.#qemu = spawn(setpriv, ['--pdeathsig', 'KILL', qemu, ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#qemu.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
    this.#ended = once(this.#qemu, 'close');
    this.#ended.catch(() => undefined);
  }

  /** Starts one. Its console, and at its end the logs of dom0, are found in `folder`. */
  static async start(
    programs: MachinePrograms,
    image: Dom0Image,
    workspace: string,
    folder: string,
  ): Promise<XenMachine> {
    await writeFile(logsIn(folder), '');
    await truncate(logsIn(folder), LOGS_SIZE);
    return new XenMachine(programs, image, workspace, folder);
  }

  /** What dom0 writes to its port, to the end of the machine. */
  lines(): AsyncIterable<string> {
    return createInterface({ input: this.#qemu.stdout! });
  }

  /** The last lines of its console, and what QEMU has to say of itself. */
  async consoleTail(): Promise<string> {
    const text = await readFile(this.consoleFile, 'utf8').catch(() => '');
    const lines = text.replaceAll('\r', '').trimEnd().split('\n').slice(-TAIL);
    return [...lines, this.#complaints].join('\n').trimEnd();
  }

  /** Waits for its own end, but not longer than these milliseconds. */
  async untilEnded(milliseconds: number): Promise<void> {
    await Promise.race([this.#ended, sleep(milliseconds, undefined, { ref: false })]);
  }

  /** Ends it where it runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#qemu.exitCode === null && this.#qemu.signalCode === null) this.#qemu.kill('SIGKILL');
    await this.#ended;
  }
}

function logsIn(folder: string): string {
  return join(folder, 'logs.tar');
}
