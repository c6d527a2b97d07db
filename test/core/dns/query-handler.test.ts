import assert from 'node:assert/strict';
import type { DnsSettings } from '#core/config/settings.js';
import type { DnsAnswer, Resolver } from '#core/contracts/resolver.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { failureAnswer } from '#core/dns/failure-answer.js';
import { QueryHandler } from '#core/dns/query-handler.js';
import { JitsuError, type JitsuErrorCode } from '#core/errors.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { EVERY_CLIENT_WAKES } from '../../support/dns-admission.js';
import { DnsLog } from '../../support/dns-log.js';
import { decodeReply, extendedErrorIn, queryBytes, type Reply } from '../../support/dns-message.js';
import { udpClient } from '../../support/dns-query.js';
import { dnsSettings } from '../../support/dns-settings.js';

const answering = (answer: DnsAnswer | undefined): Resolver => ({ resolve: async () => answer });
const failing = (error: unknown): Resolver => ({ resolve: () => Promise.reject(error as Error) });
const stuck: Resolver = { resolve: () => new Promise(() => {}) };
const address = (value: string): DnsAnswer => ({
  rcode: 0,
  answers: [{ name: 'a.test', type: 'A', ttl: 1, address: value }],
});
const query = queryBytes('a.test', { edns: {} });

class Stage {
  readonly log = new DnsLog();
  readonly clock = new ManualClock();
  readonly access: AccessControl;
  readonly responder: QueryHandler;

  constructor(resolvers: Resolver[], settings: Partial<DnsSettings> = {}) {
    const all = dnsSettings(settings);
    const deps = { clock: this.clock, logger: this.log };
    this.access = new AccessControl(all, EVERY_CLIENT_WAKES, deps);
    this.responder = new QueryHandler(all, resolvers, { ...deps, access: this.access });
  }

  async ask(message = query, signal?: AbortSignal, client = udpClient): Promise<Reply> {
    return decodeReply(await this.responder.handle(message, client, signal));
  }
}

describe('the query handler', () => {
  it('asks the resolvers in order, and the first answer wins', async () => {
    const stage = new Stage([answering(undefined), answering(address('192.0.2.1')), stuck]);
    const [record] = (await stage.ask()).answers ?? [];
    assert.equal(record?.type === 'A' && record.data, '192.0.2.1');
  });

  it('refuses what nobody answers, and says why', async () => {
    const reply = await new Stage([answering(undefined)]).ask();
    assert.equal(reply.rcode, 'REFUSED');
    assert.equal(extendedErrorIn(reply)?.code, 20);
  });

  it('sends a hundred errors a second over UDP to what is no well-formed query, exempt from other limits or not', async () => {
    const stage = new Stage([answering(address('192.0.2.1'))]);
    const changed = (offset: number, value: number): Uint8Array => {
      const message = Uint8Array.from(query);
      message[offset] = value;
      return message;
    };
    const garbage = Buffer.from(' !"#$%&\'()*+,-./0123456789', 'latin1');
    // An opcode, no question, garbage; then what only responses say: AA, RA, an rcode.
    const messages = [changed(2, 0x28), changed(5, 0), garbage, changed(2, 4), changed(3, 0x80), changed(3, 1)];
    for (const message of messages) {
      await stage.clock.advance(1_000);
      let replies = 0;
      for (let round = 0; round < 500; round++) {
        if ((await stage.responder.handle(message, udpClient)) !== undefined) replies += 1;
      }
      assert.equal(replies, 100, Buffer.from(message).toString('hex'));
      assert.ok((await stage.ask()).answers?.length === 1, 'queries are answered');
      assert.notEqual(await stage.responder.handle(message, { ...udpClient, transport: 'tcp' }), undefined);
    }
    assert.equal(stage.access.refusals.counts.malformed, 400 * messages.length);
  });

  it('counts what is refused because too many queries are forwarded', async () => {
    const stage = new Stage([failing(new JitsuError('JITSU_FORWARD_OVERLOADED', 'busy'))]);
    await stage.ask();
    assert.equal(stage.access.refusals.counts.forwarded, 1);
  });

  it('says that recursion is available where queries are forwarded', async () => {
    assert.equal((await new Stage([]).ask()).flag_ra, false);
    assert.equal((await new Stage([], { forwarders: 'system' }).ask()).flag_ra, true);
  });

  const codes: [JitsuErrorCode, number][] = [
    ['JITSU_SUMMON_DEADLINE', 14],
    ['JITSU_SUMMON_BACKING_OFF', 14],
    ['JITSU_BOOT_QUEUE_FULL', 14],
    ['JITSU_STOPPED_BY_COMMAND', 14],
    ['JITSU_SHUTTING_DOWN', 14],
    ['JITSU_FORWARD_OVERLOADED', 14],
    ['JITSU_FORWARD_FAILED', 22],
    ['JITSU_FORWARD_UNREACHABLE', 23],
    ['JITSU_BACKEND_UNREACHABLE', 23],
    ['JITSU_SUMMON_DIED', 0],
    ['JITSU_BACKEND_FAILED', 0],
  ];
  for (const [code, infoCode] of codes) {
    it(`makes SERVFAIL with Extended DNS Error ${infoCode} and its text of ${code}`, async () => {
      const reply = await new Stage([failing(new JitsuError(code, 'www is broken'))]).ask();
      assert.equal(reply.rcode, 'SERVFAIL');
      assert.deepEqual(extendedErrorIn(reply), { code: infoCode, text: 'www is broken' });
    });
  }

  it('tells strangers the kind and the code of a failure, and clients in `details` its message', async () => {
    const why = 'www went off before its service answered: postgres://admin:hunter2@db';
    const error = new JitsuError('JITSU_SUMMON_DIED', why);
    const failures = [failing(error), answering(failureAnswer(error))];
    const textFor = async (resolver: Resolver, address: string, details?: readonly string[]) => {
      const stage = new Stage([resolver], details && { details });
      return extendedErrorIn(await stage.ask(query, undefined, { ...udpClient, address }))?.text;
    };
    const kind = 'it went down before its service answered (JITSU_SUMMON_DIED)';
    for (const resolver of failures) {
      assert.equal(await textFor(resolver, '192.0.2.7'), kind);
      assert.equal(await textFor(resolver, '2001:db8::7'), kind);
      assert.equal(await textFor(resolver, '10.0.0.7'), kind);
      for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
        assert.equal(await textFor(resolver, address), why);
      assert.equal(await textFor(resolver, '10.0.0.7', ['10.0.0.0/8']), why);
      assert.equal(await textFor(resolver, '127.0.0.1', []), kind);
    }
  });

  it('tells strangers of no code but what it means', async () => {
    for (const [code] of codes) {
      const stage = new Stage([failing(new JitsuError(code, 'www is broken'))]);
      const reply = await stage.ask(query, undefined, { ...udpClient, address: '192.0.2.7' });
      assert.match(extendedErrorIn(reply)?.text ?? '', new RegExp(`^[a-z ,:]{9,} \\(${code}\\)$`));
    }
  });

  it('makes SERVFAIL of an error that nobody foresaw, tells the client nothing of it, and logs it once', async () => {
    const error = new Error('secret');
    const stage = new Stage([failing(error)]);
    const reply = await stage.ask();
    assert.equal(reply.rcode, 'SERVFAIL');
    assert.doesNotMatch(extendedErrorIn(reply)?.text ?? '', /secret/);
    assert.deepEqual(
      stage.log.entries.map(({ level, fields }) => [level, (fields as { err: unknown }).err]),
      [['error', error]],
    );
  });

  it('makes SERVFAIL of answers that cannot be written', async () => {
    for (const answer of [address('nowhere'), { message: Uint8Array.of(1, 2, 3) }]) {
      const stage = new Stage([answering(answer)]);
      assert.equal((await stage.ask()).rcode, 'SERVFAIL');
      assert.equal(stage.log.at('error').length, 1);
    }
  });

  it('makes SERVFAIL of what is no answer at all, given at once or later', async () => {
    for (const given of [5, 'yes', true, Promise.resolve(5), Promise.resolve('yes')]) {
      const stage = new Stage([{ resolve: () => given as never }]);
      assert.equal((await stage.ask()).rcode, 'SERVFAIL');
      assert.equal(stage.log.at('error').length, 1);
    }
  });

  it('fails at once what comes when too many queries wait', async () => {
    const stage = new Stage([stuck], { limits: { ...dnsSettings().limits, pendingQueries: 1 } });
    const first = stage.ask();
    const reply = await stage.ask();
    assert.equal(reply.rcode, 'SERVFAIL');
    assert.equal(extendedErrorIn(reply)?.code, 14);
    stage.responder.abort(new JitsuError('JITSU_SHUTTING_DOWN', 'bye'));
    await first;
    assert.equal(stage.log.at('error').length, 0);
  });

  it('gives a place back when a query is answered', async () => {
    const stage = new Stage([answering(address('192.0.2.1'))], {
      limits: { ...dnsSettings().limits, pendingQueries: 1 },
    });
    for (let round = 0; round < 3; round++) assert.equal((await stage.ask()).rcode, 'NOERROR');
  });

  it('tells the resolver when the client is gone', async () => {
    const { promise, resolve } = withResolver<AbortSignal>();
    const stage = new Stage([{ resolve: (_query, signal) => new Promise(() => resolve(signal)) }]);
    const controller = new AbortController();
    const asked = stage.ask(query, controller.signal);
    const signal = await promise;
    assert.equal(signal.aborted, false);
    controller.abort(new Error('the connection is gone'));
    assert.equal(signal.aborted, true);
    await asked;
    assert.deepEqual(stage.log.entries, []);
  });

  it('fails new queries once it refuses, lets those that wait go on, and ends them when told', async () => {
    const stage = new Stage([stuck]);
    const waiting = stage.ask();
    const goodbye = new JitsuError('JITSU_SHUTTING_DOWN', 'bye');
    stage.responder.refuse(goodbye);
    assert.deepEqual(extendedErrorIn(await stage.ask()), { code: 14, text: 'bye' });
    let drained = false;
    const draining = stage.responder.drained().then(() => (drained = true));
    await new Promise(setImmediate);
    assert.equal(drained, false);
    stage.responder.abort(goodbye);
    assert.equal((await waiting).rcode, 'SERVFAIL');
    await draining;
  });

  it('stays silent on responses', async () => {
    const response = Buffer.from(query);
    response.writeUInt16BE(0x8000, 2);
    assert.equal(await new Stage([]).responder.handle(response, udpClient), undefined);
  });
});

function withResolver<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let settle: (value: T) => void = () => {};
  const promise = new Promise<T>((resolve) => (settle = resolve));
  return { promise, resolve: settle };
}
