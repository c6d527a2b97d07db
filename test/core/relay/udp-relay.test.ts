import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { RelayBudget } from '#core/relay/relay-budget.js';
import { eventually, GLANCE } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { HERE, RelaySetting } from '../../support/relay-setting.js';

describe('a relay of UDP', () => {
  const sockets: Socket[] = [];
  let clock: ManualClock;
  let budget: RelayBudget;
  let setting: RelaySetting;

  beforeEach(async () => {
    clock = new ManualClock();
    budget = new RelayBudget(clock);
    setting = await RelaySetting.open({
      ...{ clock, budget, port: { protocol: 'udp' } },
      unikernel: { ignored: ['127.0.0.2/32'] },
    });
  });

  afterEach(async () => {
    await setting.close();
    for (const socket of sockets.splice(0)) socket.close();
  });

  const bound = async (address: string, port: number, onMessage: (this: Socket, text: string) => void) => {
    const socket = createSocket('udp4');
    sockets.push(socket);
    socket.on('message', (datagram) => onMessage.call(socket, datagram.toString()));
    socket.bind(port, address);
    await once(socket, 'listening');
    return socket;
  };

  /** The program: answers each datagram with the same in capitals, and tells from which port it came. */
  const serve = async (answers = true): Promise<{ readonly heard: string[]; readonly ports: Set<number> }> => {
    const [heard, ports] = [[] as string[], new Set<number>()];
    const socket = await bound(HERE, setting.programPort, () => undefined);
    socket.on('message', (datagram, { port, address }) => {
      heard.push(datagram.toString());
      ports.add(port);
      if (answers) socket.send(datagram.toString().toUpperCase(), port, address);
    });
    return { heard, ports };
  };

  const client = async (address = HERE) => {
    const heard: string[] = [];
    const socket = await bound(address, 0, (text) => heard.push(text));
    return { heard, say: (text: string) => socket.send(text, setting.port, HERE) };
  };

  it('passes on datagrams and their answers, each client by a socket of its own', async () => {
    const program = await serve();
    const [one, other] = [await client(), await client()];
    one.say('a');
    other.say('b');
    await eventually(() => assert.deepEqual([one.heard, other.heard], [['A'], ['B']]));
    one.say('c');
    await eventually(() => assert.deepEqual(one.heard, ['A', 'C']));
    assert.equal(program.ports.size, 2);
  });

  it('holds datagrams in their order while the service does not run, and knocks once', async () => {
    setting.arm();
    const { heard, say } = await client();
    for (const text of ['a', 'b', 'c']) say(text);
    await eventually(() => assert.equal(setting.knocks.length, 1));
    const [knock] = setting.knocks;
    assert.deepEqual(knock, { unikernel: 'web', protocol: 'udp', port: setting.port, from: HERE });
    await sleep(GLANCE);
    const program = await serve();
    setting.deliver();
    await eventually(() => assert.deepEqual(heard, ['A', 'B', 'C']));
    assert.deepEqual(program.heard, ['a', 'b', 'c']);
    assert.equal(setting.knocks.length, 1);
  });

  it('holds the datagrams of a flow that is known already', async () => {
    const program = await serve();
    const { heard, say } = await client();
    say('a');
    await eventually(() => assert.deepEqual(heard, ['A']));
    setting.arm();
    say('b');
    await eventually(() => assert.equal(setting.knocks.length, 1));
    await sleep(GLANCE);
    assert.deepEqual(program.heard, ['a']);
    setting.deliver();
    await eventually(() => assert.deepEqual(heard, ['A', 'B']));
  });

  it('holds at most eight datagrams of a client', async () => {
    setting.arm();
    const { say } = await client();
    for (let index = 0; index < 12; index += 1) say(`${index}`);
    await eventually(() => assert.equal(setting.knocks.length, 1));
    await sleep(GLANCE);
    const program = await serve();
    setting.deliver();
    await eventually(() => assert.equal(program.heard.length, 8));
    await sleep(GLANCE);
    assert.equal(program.heard.at(-1), '7');
  });

  for (const verdict of ['refuse', 'drop'] as const) {
    it(`forgets what was sent where the verdict is ${verdict}, and asks again after a second`, async () => {
      setting.arm();
      setting.verdict = verdict;
      const { say } = await client();
      say('a');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      say('b');
      await sleep(GLANCE);
      assert.equal(setting.knocks.length, 1);
      await clock.advance(1_000);
      setting.verdict = 'hold';
      say('c');
      await eventually(() => assert.equal(setting.knocks.length, 2));
      const program = await serve();
      setting.deliver();
      await eventually(() => assert.deepEqual(program.heard, ['c']));
    });
  }

  it('says nothing to those that are denied while the service does not run, and lets them not wake it', async () => {
    setting.arm();
    const { say } = await client('127.0.0.2');
    say('a');
    await sleep(GLANCE);
    assert.deepEqual(setting.knocks, []);
  });

  it('counts packets as use where they go in both directions, and not of those that are denied', async () => {
    const program = await serve(false);
    const [one, denied] = [await client(), await client('127.0.0.2')];
    one.say('a');
    await eventually(() => assert.deepEqual(program.heard, ['a']));
    assert.deepEqual(setting.engine.observe('web'), { connections: 0, clients: [] });
    denied.say('b');
    await eventually(() => assert.equal(program.heard.length, 2));
    const [programSocket] = sockets as [Socket];
    for (const port of program.ports) programSocket.send('answer', port, HERE);
    await eventually(() => assert.equal(one.heard.length + denied.heard.length, 2));
    await clock.advance(5_000);
    assert.equal(setting.engine.observe('web').sinceLastPacket, 5_000);
    denied.say('c');
    await eventually(() => assert.equal(program.heard.length, 3));
    assert.equal(setting.engine.observe('web').sinceLastPacket, 5_000);
    one.say('d');
    await eventually(() => assert.equal(setting.engine.observe('web').sinceLastPacket, 0));
  });

  it('forgets a flow after two minutes, and one without answers after half a minute', async () => {
    await serve();
    const { heard, say } = await client();
    say('a');
    await eventually(() => assert.deepEqual(heard, ['A']));
    await clock.advance(110_000);
    assert.equal(budget.isUsed, true);
    await clock.advance(20_000);
    assert.equal(budget.isUsed, false);
    assert.equal(clock.pending, 0);
  });

  it('forgets a flow without answers after half a minute', async () => {
    const program = await serve(false);
    const { say } = await client();
    say('a');
    await eventually(() => assert.deepEqual(program.heard, ['a']));
    await clock.advance(40_000);
    assert.equal(budget.isUsed, false);
  });

  it('goes on after a program did not listen', async () => {
    const { heard, say } = await client();
    say('a');
    await sleep(GLANCE);
    say('b');
    await sleep(GLANCE);
    await serve();
    say('c');
    await eventually(() => assert.deepEqual(heard.at(-1), 'C'));
  });
});

describe('a relay of UDP with little room', () => {
  it('forgets the oldest flow without an answer first', async () => {
    const clock = new ManualClock();
    const budget = new RelayBudget(clock, 8);
    const setting = await RelaySetting.open({ clock, budget, port: { protocol: 'udp' } });
    const program = createSocket('udp4').bind(setting.programPort, HERE);
    const clients = [0, 1, 2].map(() => createSocket('udp4'));
    try {
      program.on('message', (datagram, { port, address }) => {
        if (datagram.toString() === 'answer') program.send('yes', port, address);
      });
      const [answered, silent, late] = clients as [Socket, Socket, Socket];
      answered.send('answer', setting.port, HERE);
      await once(answered, 'message');
      silent.send('silence', setting.port, HERE);
      await once(program, 'message');
      late.send('answer', setting.port, HERE);
      await once(late, 'message');
      // The first client has its flow still: its datagram comes from the same port.
      answered.send('answer', setting.port, HERE);
      await once(answered, 'message');
    } finally {
      await setting.close();
      for (const socket of [program, ...clients]) socket.close();
    }
  });
});
