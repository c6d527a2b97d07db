/** Where it is loaded, and how much of that its headers and notes take. */
const ADDRESS = 0x10_0000;
const HEADERS = 64 + 2 * 56;

/** Of xen/include/public/elfnote.h. */
const ENTRY = 1;
const VIRTUAL_BASE = 3;
const PHYSICAL_OFFSET = 4;
const XEN_VERSION = 5;
const GUEST_OS = 6;
const LOADER = 8;

/**
 * `SCHEDOP_poll` (3) of `HYPERVISOR_sched_op` (29), for no port and without a timeout, again and again: it sleeps until
 * something happens, and then goes on sleeping. The structure of 24 zeros that it points to comes right after it.
 */
const CODE = Buffer.from(
  [
    'b81d000000', // mov $29, %eax
    'bf03000000', // mov $3, %edi
    '488d3507000000', // lea 7(%rip), %rsi
    '0f05', // syscall
    'ebeb', // jmp to the start
    '000000', // up to 24 bytes
    '00'.repeat(24),
  ].join(''),
  'hex',
);

/**
 * A kernel that does nothing, for paravirtual guests on x86-64: it takes no time to boot and no time of the processor,
 * hears nothing and ends never. An ELF file as Xen's domain builder loads it.
 */
export function idleKernel(): Buffer {
  const notesLength = notes(0).length;
  const entry = ADDRESS + HEADERS + notesLength;
  const size = HEADERS + notesLength + CODE.length;
  const segment = (type: number, flags: number, offset: number, length: number): Buffer =>
    Buffer.concat([u32(type), u32(flags), ...[offset, ADDRESS + offset, ADDRESS + offset, length, length, 8].map(u64)]);
  const header = Buffer.concat([
    Buffer.from('7f454c46020101000000000000000000', 'hex'),
    ...[u16(2), u16(62), u32(1), u64(entry), u64(64), u64(0), u32(0)],
    ...[64, 56, 2, 64, 0, 0].map(u16),
  ]);
  const [PT_LOAD, PT_NOTE, READ_WRITE_EXECUTE, READ] = [1, 4, 7, 4];
  return Buffer.concat([
    header,
    segment(PT_LOAD, READ_WRITE_EXECUTE, 0, size),
    segment(PT_NOTE, READ, HEADERS, notesLength),
    notes(entry),
    CODE,
  ]);
}

function notes(entry: number): Buffer {
  return Buffer.concat([
    note(GUEST_OS, Buffer.from('idle\0')),
    note(LOADER, Buffer.from('generic\0')),
    note(XEN_VERSION, Buffer.from('xen-3.0\0')),
    note(VIRTUAL_BASE, u64(0)),
    note(PHYSICAL_OFFSET, u64(0)),
    note(ENTRY, u64(entry)),
  ]);
}

function note(type: number, content: Buffer): Buffer {
  const padding = Buffer.alloc((4 - (content.length % 4)) % 4);
  return Buffer.concat([u32(4), u32(content.length), u32(type), Buffer.from('Xen\0'), content, padding]);
}

const u16 = (value: number): Buffer => littleEndian(2, value);
const u32 = (value: number): Buffer => littleEndian(4, value);
const u64 = (value: number): Buffer => littleEndian(8, value);

/** Of values below 2^48. */
function littleEndian(size: number, value: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntLE(value, 0, Math.min(size, 6));
  return bytes;
}
