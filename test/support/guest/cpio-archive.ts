/** A file of an archive, or a folder where it has no content. */
export interface ArchivedFile {
  /** Without a slash in front. Folders come before what is in them. */
  readonly path: string;
  readonly content?: Buffer | string;
  readonly isExecutable?: boolean;
}

const FOLDER = 0o040755;
const FILE = 0o100644;
const PROGRAM = 0o100755;

/**
 * Packs files into what Linux takes for an initramfs: a cpio archive in the "newc" format (the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst). All files are root's, and of the year 1970.
 */
export function cpioArchive(files: readonly ArchivedFile[]): Buffer {
  const entries = files.map(({ path, content, isExecutable }, index) => {
    const mode = content === undefined ? FOLDER : isExecutable === true ? PROGRAM : FILE;
    return entry(path, mode, Buffer.from(content ?? ''), index + 1);
  });
  return Buffer.concat([...entries, entry('TRAILER!!!', 0, Buffer.alloc(0), 0)]);
}

function entry(path: string, mode: number, content: Buffer, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`);
  const links = 1;
  // inode, mode, uid, gid, links, time, size, device (2), device of the node (2), length of the name, checksum
  const numbers = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(content)]);
}

/** To a multiple of four bytes. */
function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
