import assert from 'node:assert/strict';
import packet from 'dns-packet';
import { encodeQuestion, readQuestion } from '#cli/resolve/question.js';
import { UsageError } from '#cli/usage-error.js';

describe('the question of jitsu resolve', () => {
  it('asks for the IPv4 address unless told otherwise', () => {
    assert.deepEqual(readQuestion('hello.jitsu.test.'), { name: 'hello.jitsu.test', type: 1 });
  });

  it('knows types by name and by number', () => {
    assert.equal(readQuestion('a.test', 'aaaa').type, 28);
    assert.equal(readQuestion('a.test', 'HTTPS').type, 65);
    assert.equal(readQuestion('a.test', 'TYPE999').type, 999);
  });

  it('asks for the name behind an address', () => {
    assert.deepEqual(readQuestion('192.0.2.7'), { name: '7.2.0.192.in-addr.arpa', type: 12 });
    assert.deepEqual(readQuestion('2001:db8::1', 'ptr'), {
      name: '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
      type: 12,
    });
    assert.equal(readQuestion('::ffff:192.0.2.7').name.slice(0, 15), '7.0.2.0.0.0.0.c');
  });

  it('writes names in other scripts as the DNS does', () => {
    assert.equal(readQuestion('bücher.example').name, 'xn--bcher-kva.example');
  });

  it('can ask for the root', () => {
    assert.deepEqual(readQuestion('.', 'NS'), { name: '', type: 2 });
  });

  for (const name of ['', 'a..test', '.a', `${'x'.repeat(64)}.test`, `${'x.'.repeat(127)}xx`]) {
    it(`refuses the name '${name.slice(0, 20)}'`, () => {
      assert.throws(() => readQuestion(name), UsageError);
    });
  }

  for (const type of ['', 'B', 'TYPE0', 'TYPE65536', 'TYPE']) {
    it(`refuses the type '${type}'`, () => {
      assert.throws(() => readQuestion('a.test', type), UsageError);
    });
  }

  it('is a query that wants recursion and can take 1232 bytes', () => {
    const { id, bytes } = encodeQuestion({ name: 'hello.test', type: 28 });
    const decoded = packet.decode(Buffer.from(bytes));
    assert.equal(decoded.id, id);
    assert.equal(decoded.type, 'query');
    assert.ok((decoded.flags ?? 0) & packet.RECURSION_DESIRED);
    assert.deepEqual(decoded.questions, [{ name: 'hello.test', type: 'AAAA', class: 'IN' }]);
    assert.deepEqual(
      decoded.additionals?.map((record) => record.type === 'OPT' && record.udpPayloadSize),
      [1_232],
    );
  });

  it('has another id each time', () => {
    const ids = Array.from({ length: 20 }, () => encodeQuestion({ name: 'a', type: 1 }).id);
    assert.ok(new Set(ids).size > 15);
  });
});
