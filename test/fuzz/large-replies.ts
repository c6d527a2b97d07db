/** Replies of up to 64 KiB, as only TCP carries them: honest ones, and what is made to cost much. */

const QUESTION = 'www.example.org';
/** An OPT record of ours still fits. */
const LONGEST = 65_500;

type Bytes = Uint8Array;
/** A record that may want to know where it begins. */
type Part = Bytes | ((at: number) => Bytes);

const uint16 = (value: number): Bytes => Uint8Array.of(value >> 8, value & 255);
const pointer = (offset: number): Bytes => uint16(0xc000 | offset);
const wire = (name: string): Bytes =>
  Buffer.concat([
    ...name
      .split('.')
      .filter((label) => label !== '')
      .map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.of(0),
  ]);
const record = (owner: Bytes, type: number, data: Bytes = new Uint8Array()): Bytes =>
  Buffer.concat([owner, uint16(type), uint16(1), Buffer.of(0, 0, 1, 44), uint16(data.length), data]);
const join = (...parts: readonly Bytes[]): Bytes => Buffer.concat(parts);
const many = (each: (index: number) => Part, count = 6_000): Part[] =>
  Array.from({ length: count }, (_, index) => each(index));
const address = (index: number): Bytes => Uint8Array.of(198, 51, index >> 8, index & 255);
const asked = pointer(12);
const domain = pointer(16);
/** A label of three letters, another for each number. */
const label = (index: number): Bytes =>
  Uint8Array.of(3, 97 + (index % 26), 97 + (Math.floor(index / 26) % 26), 97 + (Math.floor(index / 676) % 26));
/** A name of so many labels of one letter. */
const deep = (labels: number, seed = 0): Bytes =>
  join(
    ...Array.from({ length: labels }, (_, index) => Uint8Array.of(1, 97 + ((seed * 7 + index * 5) % 26))),
    Buffer.of(0),
  );

/** As many of the records as fit. */
function reply(
  type: number,
  sections: {
    readonly answers?: readonly Part[];
    readonly authorities?: readonly Part[];
    readonly additionals?: readonly Part[];
    readonly name?: string;
    readonly flags?: number;
  },
): Bytes {
  const { answers = [], authorities = [], additionals = [], name = QUESTION, flags = 0x8180 } = sections;
  const question = join(wire(name), uint16(type), uint16(1));
  const parts: Bytes[] = [];
  let at = 12 + question.length;
  const counts = [answers, authorities, additionals].map((section) => {
    const first = parts.length;
    for (const part of section) {
      const bytes = typeof part === 'function' ? part(at) : part;
      if (at + bytes.length > LONGEST) break;
      parts.push(bytes);
      at += bytes.length;
    }
    return parts.length - first;
  });
  return join(uint16(0), uint16(flags), uint16(1), ...counts.map(uint16), question, ...parts);
}

/** Each name points to the one before it. */
function chained(each: (target: number) => Bytes, nameAt: number, most = Infinity): (index: number) => Part {
  let target = 12;
  return (index) => (at) => {
    const bytes = each(target);
    if (index < most && at + nameAt < 0x3fff) target = at + nameAt;
    return bytes;
  };
}

const opt = join(Buffer.of(0), uint16(41), uint16(1_232), Buffer.of(0, 0, 0, 0), uint16(0));
const alias = (index: number): Bytes => deep(100, index);

/** What each is, and whether it must get through. */
export function largeReplies(): Readonly<Record<string, { readonly message: Bytes; readonly isHonest: boolean }>> {
  const honest = {
    '4,000 addresses': reply(1, { answers: many((n) => record(asked, 1, address(n)), 4_000) }),
    '2,300 addresses of IPv6': reply(28, {
      answers: many((n) => record(asked, 28, join(new Uint8Array(12), address(n)))),
    }),
    'addresses of NAT64': reply(28, {
      answers: many((n) =>
        record(asked, 28, join(Uint8Array.of(0, 0x64, 0xff, 0x9b, 0, 1, 198, 51, 100, 9, 9, 9), address(n))),
      ),
    }),
    '4,000 addresses of an alias': reply(1, {
      answers: [record(asked, 5, wire('a.b.test')), ...many((n) => record(pointer(45), 1, address(n)), 4_000)],
    }),
    'addresses of an alias, without compression': reply(1, {
      answers: [record(wire(QUESTION), 5, wire('a.b.test')), ...many((n) => record(wire('a.b.test'), 1, address(n)))],
    }),
    'long texts': reply(16, {
      answers: many((n) => record(asked, 16, join(Buffer.of(255), new Uint8Array(255).fill(97 + (n % 26))))),
    }),
    'mail servers': reply(15, { answers: many((n) => record(asked, 15, join(uint16(1), label(n), domain))) }),
    '600 name servers and their addresses': reply(2, {
      answers: many((n) => record(asked, 2, wire(`ns${n}.example.org`)), 600),
      additionals: many((n) => record(wire(`ns${n}.example.org`), 1, address(n)), 600),
    }),
  };
  const hostile = {
    'empty texts': reply(16, { answers: many(() => record(asked, 16)) }),
    'records of the root': reply(255, { name: '', answers: many(() => record(Buffer.of(0), 10)) }),
    'records of the root, for another question': reply(16, {
      answers: [record(asked, 16, Buffer.of(0)), ...many(() => record(Buffer.of(0), 16))],
    }),
    'every other address of somebody else': reply(1, {
      answers: many((n) => record(n % 2 === 0 ? asked : domain, 1, address(n))),
    }),
    'one address of somebody else': reply(1, {
      answers: [record(domain, 1, address(1)), ...many((n) => record(asked, 1, address(n)), 3_900)],
    }),
    'owners of their own': reply(1, { answers: many((n) => record(join(label(n), asked), 1, address(n))) }),
    'aliases of their own': reply(1, { answers: many((n) => record(join(label(n), asked), 5, asked)) }),
    'a chain of owners': reply(1, { answers: many(chained((target) => record(pointer(target), 1, address(1)), 0)) }),
    'a chain of targets': reply(15, {
      answers: many(chained((target) => record(asked, 15, join(uint16(1), pointer(target))), 14, 125)),
    }),
    'two chains of targets': reply(6, {
      answers: many(
        chained((target) => record(asked, 6, join(pointer(target), pointer(target), new Uint8Array(20))), 12, 120),
      ),
    }),
    'long names with ends in common': reply(14, {
      answers: [
        record(join(deep(110)), 14, join(asked, asked)),
        ...many((n) => record(asked, 14, join(label(n), pointer(33), label(n), pointer(33)))),
      ],
    }),
    'some of them, to be written anew': reply(14, {
      answers: [
        record(deep(110), 14, join(asked, asked)),
        ...many((n) => record(asked, 14, join(label(n), pointer(33), label(n + 1), pointer(33))), 300),
      ],
    }),
    'name servers of their own': reply(1, {
      answers: [record(asked, 1, address(1))],
      authorities: many((n) => record(domain, 2, join(label(n), domain)), 1_500),
      additionals: many((n) => record(join(label(n), domain), 1, address(n)), 1_500),
    }),
    'denials of their own': reply(1, {
      flags: 0x8183,
      authorities: [
        record(domain, 6, join(domain, domain, new Uint8Array(20))),
        ...many((n) => record(join(label(n), domain), 47, join(domain, Buffer.of(0, 1, 2)))),
      ],
    }),
    'denials with deep owners': reply(1, {
      answers: [record(domain, 1, address(1))],
      authorities: many((n) => record(deep(60, n), 47, Buffer.of(0))),
    }),
    'types of their own': reply(255, { name: 'a', answers: many((n) => record(asked, 300 + n)) }),
    'types of their own, without compression': reply(255, {
      name: 'a',
      answers: many((n) => record(wire('a'), 300 + n)),
    }),
    'one owner, without compression': reply(255, { name: 'ab', answers: many(() => record(wire('ab'), 10)) }),
    'signatures over everything': reply(255, {
      name: 'a',
      answers: many((n) => record(asked, 46, join(uint16(n), new Uint8Array(16), Buffer.of(0)))),
    }),
    'two names each, and their addresses': reply(26, {
      answers: many(() => record(asked, 26, join(uint16(1), asked, domain)), 3_000),
      additionals: many((n) => record(domain, 1, address(n)), 900),
    }),
    'services of many parts': reply(35, { answers: many(() => record(asked, 35, join(new Uint8Array(7), asked))) }),
    'addresses behind OPT': reply(1, {
      answers: [record(asked, 1, address(1))],
      additionals: [opt, ...many((n) => record(asked, 1, address(n)))],
    }),
    'a chain of deep aliases': reply(1, {
      answers: many((n) => record(n === 0 ? asked : alias(n - 1), 5, alias(n)), 30),
      authorities: many(() => record(Buffer.of(0), 10)),
    }),
    'hints without end': reply(65, {
      answers: [
        record(asked, 65, join(uint16(1), Buffer.of(0), uint16(4), uint16(60_000), new Uint8Array(60_000).fill(9))),
      ],
    }),
    'parameters without end': reply(65, {
      answers: [record(asked, 65, join(uint16(1), Buffer.of(0), new Uint8Array(60_000)))],
    }),
    'a failure with empty texts': reply(16, { flags: 0x8182, answers: many(() => record(asked, 16)) }),
    'an OPT record of options': reply(1, {
      answers: [record(asked, 1, address(1))],
      additionals: [join(opt.subarray(0, 9), uint16(60_000), new Uint8Array(60_000))],
    }),
  };
  const marked = (
    messages: Readonly<Record<string, Bytes>>,
    isHonest: boolean,
  ): (readonly [string, { readonly message: Bytes; readonly isHonest: boolean }])[] =>
    Object.entries(messages).map(([what, message]) => [what, { message, isHonest }] as const);
  return Object.fromEntries([...marked(honest, true), ...marked(hostile, false)]);
}
