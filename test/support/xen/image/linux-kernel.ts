import { unpack } from './unpack.js';

/**
 * The kernel (an ELF file) within a bzImage. Xen would unpack it itself, at each start and, emulated, for seconds.
 * Where it lies says Linux's Documentation/arch/x86/boot.rst: setup_sects at 0x1f1, the magic "HdrS" at 0x202,
 * payload_offset at 0x248 and payload_length at 0x24c. Linux appends its length, unpacked, in four bytes.
 */
export async function uncompressedKernel(image: Buffer): Promise<Buffer> {
  if (image.toString('latin1', 0x202, 0x206) !== 'HdrS') throw new Error('this is no kernel in the form of a bzImage');
  const setupSectors = image.readUInt8(0x1f1);
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  const end = start + image.readUInt32LE(0x24c);
  return await unpack(image.subarray(start, end - 4));
}
