/*
 * A unikernel of a few KiB: it answers ARP, neighbour solicitations and echo requests on a TAP device, as solo5's
 * test_ping_serve does. It needs no C library, so that its start costs little else than the spawn.
 *
 *   guest DEVICE TAP HEX...    answers for the addresses, of 8 or 32 hexadecimal digits
 */
#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, OPEN = 257, IOCTL = 16, EXIT = 231 };
__asm__(".globl _start\n_start:\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
static long call(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
enum { READ = 63, WRITE = 64, OPEN = 56, IOCTL = 29, EXIT = 94 };
__asm__(".globl _start\n_start:\n mov x0, sp\n bl begin\n");
static long call(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
#else
#error "It knows the system calls of x86-64 and arm64."
#endif

typedef unsigned char byte;

static const byte own[6] = {2, 0, 0, 0, 0, 7};
static byte frame[2048];

static void copy(byte *to, const byte *from, int length) {
  for (int at = 0; at < length; at++) to[at] = from[at];
}

static void swap(byte *one, byte *other, int length) {
  for (int at = 0; at < length; at++) {
    byte kept = one[at];
    one[at] = other[at];
    other[at] = kept;
  }
}

static int same(const byte *one, const byte *other, int length) {
  for (int at = 0; at < length; at++)
    if (one[at] != other[at]) return 0;
  return 1;
}

/* RFC 1624: what a checksum becomes when a word of its message grows by so much. */
static void adjust(byte *checksum, unsigned growth) {
  unsigned sum = ((checksum[0] << 8 | checksum[1]) ^ 0xffff) + growth;
  sum = ((sum & 0xffff) + (sum >> 16)) ^ 0xffff;
  checksum[0] = sum >> 8;
  checksum[1] = sum;
}

static int answer_arp(const byte *address) {
  if (frame[21] != 1 || !same(frame + 38, address, 4)) return 0;
  frame[21] = 2;
  copy(frame + 32, frame + 22, 10);
  copy(frame + 22, own, 6);
  copy(frame + 28, address, 4);
  return 42;
}

static int answer_echo(const byte *address, int length) {
  if (frame[23] != 1 || frame[34] != 8 || !same(frame + 30, address, 4)) return 0;
  swap(frame + 26, frame + 30, 4);
  frame[34] = 0;
  adjust(frame + 36, 0xffff - 0x0800);
  return length;
}

static int answer_solicitation(const byte *address) {
  unsigned sum = 58 + 32;
  if (!same(frame + 62, address, 16)) return 0;
  copy(frame + 38, frame + 22, 16);
  copy(frame + 22, address, 16);
  frame[19] = 32;
  frame[54] = 136;
  frame[56] = frame[57] = 0;
  frame[58] = 0x60;
  frame[78] = 2;
  frame[79] = 1;
  copy(frame + 80, own, 6);
  for (int at = 22; at < 86; at += 2) sum += frame[at] << 8 | frame[at + 1];
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ((sum & 0xffff) + (sum >> 16)) ^ 0xffff;
  frame[56] = sum >> 8;
  frame[57] = sum;
  return 86;
}

static int answer_ipv6(const byte *address, int length) {
  if (frame[20] != 58) return 0;
  if (frame[54] == 135) return answer_solicitation(address);
  if (frame[54] != 128 || !same(frame + 38, address, 16)) return 0;
  swap(frame + 22, frame + 38, 16);
  frame[54] = 129;
  adjust(frame + 56, 0x0100);
  return length;
}

static int read_address(const char *text, byte *address) {
  int digits = 0;
  for (; text[digits] != 0; digits++) {
    int digit = text[digits] <= '9' ? text[digits] - '0' : text[digits] - 'a' + 10;
    address[digits / 2] = address[digits / 2] << 4 | digit;
  }
  return digits / 2;
}

void begin(long *stack) {
  char **words = (char **)(stack + 1);
  byte request[40] = {0};
  byte addresses[4][16] = {0};
  int lengths[4] = {0};
  long device;
  for (int at = 0; at < 4 && words[3 + at] != 0; at++) lengths[at] = read_address(words[3 + at], addresses[at]);
  for (int at = 0; words[2][at] != 0; at++) request[at] = words[2][at];
  request[16] = 0x02; /* IFF_TAP */
  request[17] = 0x10; /* IFF_NO_PI */
  device = call(OPEN, -100, (long)words[1], 2, 0);
  if (device < 0 || call(IOCTL, device, 0x400454ca, (long)request, 0) < 0) call(EXIT, 1, 0, 0, 0);
  for (;;) {
    int length = call(READ, device, (long)frame, sizeof frame, 0);
    if (length < 0) call(EXIT, 2, 0, 0, 0);
    for (int at = 0; at < 4 && lengths[at] > 0; at++) {
      int answered = 0;
      if (lengths[at] == 4 && frame[12] == 8 && frame[13] == 6) answered = answer_arp(addresses[at]);
      if (lengths[at] == 4 && frame[12] == 8 && frame[13] == 0) answered = answer_echo(addresses[at], length);
      if (lengths[at] == 16 && frame[12] == 0x86) answered = answer_ipv6(addresses[at], length);
      if (answered == 0) continue;
      copy(frame, frame + 6, 6);
      copy(frame + 6, own, 6);
      call(WRITE, device, (long)frame, answered, 0);
      break;
    }
  }
}
