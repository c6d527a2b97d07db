import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { cannotRun } from '../cannot-run.js';
import { requireTool } from '../require-tool.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { writeExt4Image } from '../xen/image/ext4-image.js';
import { copyWorkspace } from '../xen/workspace-tree.js';
import { prepareSystemdImage, type SystemdImage } from './systemd-image.js';

const MEBIBYTES = 1024;

/** How long a trial may take, in milliseconds. */
const LIMIT = 1_500_000;
const TAIL = 60;

/** What spares some seconds of a boot: nothing is measured, tested or hardened. */
const KERNEL_OPTIONS = [
  ...['console=ttyS0', 'quiet', 'panic=-1', 'mitigations=off', 'init_on_alloc=0', 'hardened_usercopy=off'],
  ...['randomize_kstack_offset=off', 'lsm=capability', 'nowatchdog', 'nokaslr', 'cryptomgr.notests', 'audit=0'],
  ...['random.trust_cpu=on', 'systemd.unit=trial.target', 'systemd.show_status=no'],
].join(' ');

/**
 * Boots a Debian with systemd in QEMU, which runs a program as root and powers off, and resolves with what the program
 * wrote. The calling suite is skipped where that cannot be done.
 *
 * @param program the path of a compiled program, below the workspace
 * @param files further files for /workspace, by name
 */
export async function runUnderSystemd(
  context: Mocha.Context,
  program: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  if (process.arch !== 'x64') cannotRun(context, 'the machine is made for x86-64');
  const qemu = requireTool(context, 'qemu-system-x86_64');
  const setpriv = requireTool(context, 'setpriv');
  for (const tool of ['mke2fs', 'xz', 'lz4'] as const) requireTool(context, tool);
  using folder = new TemporaryFolder();
  const [image, workspace] = await Promise.allSettled([prepareSystemdImage(), writeWorkspace(folder, program, files)]);
  if (image.status === 'rejected') cannotRun(context, `no image with systemd can be made: ${String(image.reason)}`);
  if (workspace.status === 'rejected') throw workspace.reason;

  const console = folder.in('console.log');
  const words = machineWords(image.value, workspace.value, console);
  const machine = spawn(setpriv, ['--pdeathsig', 'KILL', qemu, ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
  const limit = setTimeout(() => machine.kill('SIGKILL'), LIMIT);
  const ended = once(machine, 'close');
  const [output, complaints] = await Promise.all([text(machine.stdout), text(machine.stderr), ended]);
  clearTimeout(limit);
  const printed = (await readFile(console, 'utf8').catch(() => '')).replaceAll('\r', '');
  if (complaints !== '') throw new Error(`QEMU says: ${complaints}`);
  if (!output.endsWith('\n')) {
    throw new Error(`The trial did not come to its end:\n${output}\n${printed.split('\n').slice(-TAIL).join('\n')}`);
  }
  return output;
}

function machineWords({ kernel, initrd, disk }: SystemdImage, workspace: string, console: string): readonly string[] {
  const drive = (id: string, file: string, more: string): string[] => [
    ...['-drive', `id=${id},file=${file},format=raw,if=none,${more}`],
    ...['-device', `virtio-blk-pci,drive=${id}`],
  ];
  return [
    ...['-M', 'q35', '-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max', '-smp', '1', '-m', String(MEBIBYTES)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', `file:${console}`],
    ...['-kernel', kernel, '-append', KERNEL_OPTIONS, '-initrd', initrd],
    ...drive('root', disk, 'snapshot=on'),
    ...drive('workspace', workspace, 'readonly=on'),
    ...['-chardev', 'stdio,id=port,signal=off', '-device', 'virtio-serial-pci'],
    ...['-device', 'virtserialport,chardev=port'],
  ];
}

async function writeWorkspace(
  folder: TemporaryFolder,
  program: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const [tree, image] = [folder.in('workspace'), folder.in('workspace.ext4')];
  await copyWorkspace(tree);
  await writeFile(join(tree, 'trial.js'), `await import('./${program}');\n`);
  for (const [name, content] of Object.entries(files)) await writeFile(join(tree, name), content);
  await writeExt4Image(image, tree, 1);
  await rm(tree, { recursive: true });
  return image;
}
