import assert from 'node:assert/strict';
import { parseServiceBinding, serviceBindings } from '#core/config/service-binding.js';

const hex = (text: string): string => Buffer.from(parseServiceBinding(text)).toString('hex');
const FOO = '03666f6f076578616d706c6503636f6d00';

describe('the data of a service binding', () => {
  it('is written as the test vectors of RFC 9460, D.1 and D.2, have it', () => {
    for (const [text, data] of [
      ['0 foo.example.com.', `0000${FOO}`],
      ['1 .', '000100'],
      ['16 foo.example.com. port=53', `0010${FOO}000300020035`],
      ['1 foo.example.com. key667=hello', `0001${FOO}029b000568656c6c6f`],
      ['1 foo.example.com. key667="hello\\210qoo"', `0001${FOO}029b000968656c6c6fd2716f6f`],
      [
        '1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
        `0001${FOO}0006002020010db800000000000000000000000120010db8000000000000000000530001`,
      ],
      [
        '1 foo.example.com. ipv6hint="2001:db8:122:344::192.0.2.33"',
        `0001${FOO}0006001020010db8012203440000000000000000`.slice(0, -8) + 'c0000221',
      ],
      [
        '16 foo.example.com. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1',
        `0010${FOO}0000000400010004000100090268320568332d313900040004c0000201`,
      ],
      ['16 foo.example.com. alpn="f\\\\\\\\oo\\\\,bar,h2"', `0010${FOO}0001000c08665c6f6f2c626172026832`],
      ['16 foo.example.com. alpn=f\\\\\\092oo\\092,bar,h2', `0010${FOO}0001000c08665c6f6f2c626172026832`],
    ]) {
      assert.equal(hex(text as string), data, text);
    }
  });

  it('holds parameters in the order of their keys, whatever the order they were given in', () => {
    assert.equal(
      hex('1 . port=8443 no-default-alpn alpn=h2'),
      '000100' + '00010003026832' + '00020000' + '0003000220fb',
    );
    assert.equal(hex('1 . ech=AAEC key65280'), '000100' + '00050003000102' + 'ff000000');
  });

  it('is refused with the failure cases of RFC 9460, D.3, and others, and the reason is said', () => {
    for (const [text, reason] of [
      ['1 foo.example.com. key123=abc key123=def', /key123 is there twice/],
      ['1 foo.example.com. mandatory', /mandatory needs a value/],
      ['1 foo.example.com. alpn', /alpn needs a value, such as alpn=h2,h3/],
      ['1 foo.example.com. port', /port needs a value/],
      ['1 foo.example.com. ipv4hint', /ipv4hint needs a value/],
      ['1 foo.example.com. ipv6hint=', /ipv6hint needs a value/],
      ['1 foo.example.com. no-default-alpn=abc', /no-default-alpn takes no value/],
      ['1 foo.example.com. mandatory=key123', /mandatory lists key123, which is not there/],
      ['1 foo.example.com. mandatory=mandatory', /does not list itself/],
      ['1 foo.example.com. mandatory=key123,key123 key123=abc', /lists each parameter once/],
      ['', /'' is no priority/],
      ['one .', /'one' is no priority/],
      ['65536 .', /'65536' is no priority/],
      ['1', /a target follows/],
      ['1 a..b', /'a\.\.b' is no target/],
      ['1 *.example.org', /is no target/],
      ['0 foo.example.com port=1', /an alias .* no parameters/],
      ['1 . no-default-alpn', /needs alpn beside it/],
      ['1 . port=70000', /'70000' is no port/],
      ['1 . ipv4hint=192.0.2.1,::1', /'::1' is no IPv4 address/],
      ['1 . ipv6hint=fe80::1%eth0', /is no IPv6 address/],
      ['1 . ech=?', /base64/],
      ['1 . alpn=h2,,h3', /1 to 255 bytes/],
      ['1 . alpn="a\\\\b"', /only a comma and a backslash/],
      ['1 . prot=1', /'prot' is no parameter: mandatory, alpn, /],
      ['1 . key3=a', /has a name: write port/],
      ['1 . key65535=a', /is no parameter/],
      ['1 . key007=a', /is no parameter/],
      ['1 . key667="a', /'key667="a' is no parameter/],
      ['1 . key667="a"b', /is no parameter/],
      ['1 . key667=é', /stands for no byte/],
      ['1 . key667=\\256', /stands for no byte/],
    ] as const) {
      assert.throws(() => parseServiceBinding(text), reason, text);
    }
  });

  it('is given as one text, as a list, or as true for the name itself; in words, as text', () => {
    const schema = serviceBindings('');
    const data = (given: unknown): string[] => schema.parse(given).map((bytes) => Buffer.from(bytes).toString('hex'));
    assert.deepEqual(data(true), ['000100']);
    assert.deepEqual(data('true'), ['000100']);
    assert.deepEqual(data(['1 .', '2 a.test', '1  .']), ['000100', '0002016104746573' + '7400']);
    assert.equal(schema.safeParse(['0 a.test', '1 .']).success, false);
    for (const wrong of [false, [], [true], 1, {}]) assert.equal(schema.safeParse(wrong).success, false);
  });
});
