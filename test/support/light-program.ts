/** Where it is loaded, and how much of that its header and its one segment's entry take. */
const ADDRESS = 0x40_0000;
const HEADERS = 64 + 56;

const CODE = Buffer.from(
  [
    '4889e3', // mov rbx, rsp
    '488b7b20', // mov rdi, QWORD PTR [rbx+0x20] ; the delay, in milliseconds
    'e8c6000000', // call number
    '31d2', // xor edx, edx
    'b9e8030000', // mov ecx, 0x3e8
    '48f7f1', // div rcx
    '4869d240420f00', // imul rdx, rdx, 0xf4240
    '52', // push rdx
    '50', // push rax
    '4889e7', // mov rdi, rsp
    '31f6', // xor esi, esi
    'b823000000', // mov eax, 0x23 ; nanosleep
    '0f05', // syscall
    '488b7b10', // mov rdi, QWORD PTR [rbx+0x10] ; the address
    'e89e000000', // call number
    '0fc8', // bswap eax
    '4189c4', // mov r12d, eax
    '488b7b18', // mov rdi, QWORD PTR [rbx+0x18] ; the port
    'e890000000', // call number
    '86e0', // xchg al, ah
    'c1e010', // shl eax, 0x10
    '66b80200', // mov ax, 0x2
    '6a00', // push 0x0
    '49c1e420', // shl r12, 0x20
    '4c09e0', // or rax, r12
    '50', // push rax
    '4989e5', // mov r13, rsp
    'bf02000000', // mov edi, 0x2
    'be01000000', // mov esi, 0x1
    '31d2', // xor edx, edx
    'b829000000', // mov eax, 0x29 ; socket
    '0f05', // syscall
    '89c5', // mov ebp, eax
    '6a01', // push 0x1
    '89ef', // mov edi, ebp
    'be01000000', // mov esi, 0x1
    'ba02000000', // mov edx, 0x2
    '4989e2', // mov r10, rsp
    '41b804000000', // mov r8d, 0x4
    'b836000000', // mov eax, 0x36 ; setsockopt(SO_REUSEADDR)
    '0f05', // syscall
    '89ef', // mov edi, ebp
    '4c89ee', // mov rsi, r13
    'ba10000000', // mov edx, 0x10
    'b831000000', // mov eax, 0x31 ; bind
    '0f05', // syscall
    '85c0', // test eax, eax
    '7526', // jne fail
    '89ef', // mov edi, ebp
    'be40000000', // mov esi, 0x40
    'b832000000', // mov eax, 0x32 ; listen
    '0f05', // syscall
    '89ef', // next: mov edi, ebp
    '31f6', // xor esi, esi
    '31d2', // xor edx, edx
    'b82b000000', // mov eax, 0x2b ; accept
    '0f05', // syscall
    '89c7', // mov edi, eax
    'b803000000', // mov eax, 0x3 ; close
    '0f05', // syscall
    'ebe8', // jmp next
    'bf01000000', // fail: mov edi, 0x1
    'b8e7000000', // mov eax, 0xe7 ; exit_group
    '0f05', // syscall
    '31c0', // number: xor eax, eax
    '0fb60f', // digit: movzx ecx, BYTE PTR [rdi]
    '83e930', // sub ecx, 0x30
    '780c', // js done
    '486bc00a', // imul rax, rax, 0xa
    '4801c8', // add rax, rcx
    '48ffc7', // inc rdi
    'ebec', // jmp digit
    'c3', // done: ret
  ].join(''),
  'hex',
);

/**
 * A program for Linux on x86-64 that costs next to nothing to start: it sleeps for so many milliseconds, listens on an
 * IPv4 address and a TCP port, and closes each connection at once. Its three parameters are `ADDRESS PORT DELAY` in
 * decimal, the address as a number of 32 bits. An ELF file, to be made executable.
 */
export function lightProgram(): Buffer {
  const header = Buffer.alloc(HEADERS);
  Buffer.from('7f454c46020101', 'hex').copy(header);
  const size = HEADERS + CODE.length;
  // An executable (2) for x86-64 (62) with one program header of 56 bytes behind the file's of 64.
  for (const [offset, value] of [
    [16, 2],
    [18, 62],
    [52, 64],
    [54, 56],
    [56, 1],
  ] as const)
    header.writeUInt16LE(value, offset);
  // ELF's version, and a segment that is loaded (1) to be read and executed (5).
  for (const [offset, value] of [
    [20, 1],
    [64, 1],
    [68, 5],
  ] as const)
    header.writeUInt32LE(value, offset);
  const places = [
    [24, ADDRESS + HEADERS],
    [32, 64],
    [80, ADDRESS],
    [88, ADDRESS],
    [96, size],
    [104, size],
    [112, 0x1000],
  ] as const;
  for (const [offset, value] of places) header.writeBigUInt64LE(BigInt(value), offset);
  return Buffer.concat([header, CODE]);
}
