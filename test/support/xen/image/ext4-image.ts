import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MEBIBYTE = 2 ** 20;

/** Makes a disk image with what a folder holds, and some free space. */
export async function writeExt4Image(image: string, folder: string, freeMebibytes: number): Promise<void> {
  const { stdout } = await run('du', ['--summarize', '--block-size=1', folder]);
  const mebibytes = Math.ceil((Number.parseInt(stdout, 10) * 1.1) / MEBIBYTE) + freeMebibytes;
  // No journal: the disk is never written to twice. No checksums: they would be computed in the emulator.
  const features = '^has_journal,^metadata_csum,^64bit,^resize_inode';
  const words = ['-q', '-t', 'ext4', '-O', features, '-m', '0', '-E', 'root_owner=0:0', '-d', folder, image];
  await run('mke2fs', [...words, `${mebibytes}M`]);
}
