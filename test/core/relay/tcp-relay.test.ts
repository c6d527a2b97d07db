import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RelayBudget } from '#core/relay/relay-budget.js';
import { eventually, GLANCE } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { HERE, RelaySetting, type SettingOptions } from '../../support/relay-setting.js';

describe('a relay of TCP', () => {
  let setting: RelaySetting;

  afterEach(async () => setting.close());

  const open = async (options: SettingOptions = {}): Promise<void> => {
    setting = await RelaySetting.open(options);
  };

  /** The next connection of the program, which neither reads nor writes by itself. */
  const serveOne = async (): Promise<() => Promise<Socket>> => {
    let taken: (socket: Socket) => void;
    const connection = new Promise<Socket>((resolve) => (taken = resolve));
    await setting.serve((socket) => taken(socket));
    return () => connection;
  };

  describe('while its service runs', () => {
    it('passes on what both sides send', async () => {
      await open();
      await setting.serve();
      const client = setting.client().say('hello');
      await eventually(() => assert.equal(client.text, 'hello'));
      assert.deepEqual(setting.knocks, []);
    });

    it('passes on a program that speaks first', async () => {
      await open({ order: { ignore: { paths: ['/healthz'], userAgents: [] } } });
      await setting.serve((socket) => socket.write('220 ready'));
      const client = setting.client();
      await eventually(() => assert.equal(client.text, '220 ready'));
    });

    it('passes on the end of what the client sends, and then the whole reply', async () => {
      await open();
      await setting.serve((socket) => {
        let length = 0;
        socket.on('data', (chunk: Buffer) => (length += chunk.length));
        socket.on('end', () => setTimeout(() => socket.end(`got ${length}`), 20));
      });
      const client = setting.client().say('a question');
      client.socket.end();
      await eventually(() => assert.deepEqual([client.text, client.fate], ['got 10', 'end']));
    });

    it('passes on the end of what the program sends, and then what the client sends still', async () => {
      await open();
      const heard: string[] = [];
      await setting.serve((socket) => {
        socket.end('bye');
        socket.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
        socket.on('end', () => heard.push('end'));
      });
      const client = setting.client();
      await eventually(() => assert.equal(client.fate, 'end'));
      client.socket.end('late');
      await eventually(() => assert.equal(heard.join(' '), 'late end'));
    });

    it('passes on a reset by the program', async () => {
      await open();
      await setting.serve((socket) => socket.once('data', () => socket.resetAndDestroy()));
      const client = setting.client().say('x');
      await eventually(() => assert.equal(client.fate, 'ECONNRESET'));
    });

    it('passes on a reset by the client', async () => {
      await open();
      const connection = await serveOne();
      const client = setting.client().say('x');
      const socket = await connection();
      const failed = once(socket, 'error');
      socket.resume();
      client.socket.resetAndDestroy();
      const [error] = (await failed) as [NodeJS.ErrnoException];
      assert.equal(error.code, 'ECONNRESET');
    });

    it('does not read from a client what its program does not take, and passes on all of it', async function () {
      this.timeout(20_000);
      await open();
      const connection = await serveOne();
      const client = setting.client();
      const total = 64 * 1_048_576;
      client.socket.end(Buffer.alloc(total, 1));
      const socket = await connection();
      await sleep(300);
      const unsent = client.socket.writableLength;
      assert.ok(unsent > total / 2, `${total - unsent} bytes were taken, and nobody has read any`);
      let length = 0;
      socket.on('data', (chunk: Buffer) => (length += chunk.length));
      await once(socket, 'end');
      assert.equal(length, total);
    });

    it('does not read from its program what the client does not take, and passes on all of it', async function () {
      this.timeout(20_000);
      await open();
      const total = 64 * 1_048_576;
      let sent: Socket | undefined;
      await setting.serve((socket) => (sent = socket).end(Buffer.alloc(total, 1)));
      const client = setting.client();
      let length = 0;
      client.socket.removeAllListeners('data').on('data', (chunk: Buffer) => (length += chunk.length));
      client.socket.pause();
      await sleep(300);
      const unsent = (sent as unknown as Socket).writableLength;
      assert.ok(unsent > total / 2, `${total - unsent} bytes were taken, and nobody has read any`);
      client.socket.resume();
      await eventually(() => assert.equal(length, total));
    });

    it('tries a program again that does not listen yet, and connects as soon as it does', async () => {
      await open();
      const client = setting.client().say('hello');
      await sleep(150);
      assert.equal(client.fate, undefined);
      await setting.serve();
      await eventually(() => assert.equal(client.text, 'hello'));
    });

    it('resets a client whose program does not listen for a second', async () => {
      const clock = new ManualClock();
      await open({ clock });
      const client = setting.client().say('hello');
      await once(client.socket, 'connect');
      await eventually(async () => {
        await clock.advance(20);
        assert.equal(client.fate, 'ECONNRESET');
      });
    });

    it('cuts a connection that had no payload for as long as is configured', async () => {
      const clock = new ManualClock();
      await open({ clock, order: { idle: 60_000 } });
      await setting.serve();
      const [lively, idle] = [setting.client().say('a'), setting.client().say('b')];
      await eventually(() => assert.deepEqual([lively.text, idle.text], ['a', 'b']));
      await clock.advance(40_000);
      lively.say('c');
      await eventually(() => assert.equal(lively.text, 'ac'));
      await clock.advance(30_000);
      await eventually(() => assert.equal(idle.fate, 'ECONNRESET'));
      assert.equal(lively.fate, undefined);
    });

    it('needs no timer when nobody is connected', async () => {
      const clock = new ManualClock();
      await open({ clock });
      await setting.serve();
      const client = setting.client().say('a');
      await eventually(() => assert.equal(client.text, 'a'));
      client.socket.end();
      await eventually(() => assert.equal(setting.engine.observe('web').connections, 0));
      await clock.advance(10_000);
      assert.equal(clock.pending, 0);
    });

    it('serves many clients at once', async function () {
      this.timeout(20_000);
      await open();
      await setting.serve();
      const clients = Array.from({ length: 500 }, (_, index) => setting.client().say(`${index}`));
      await eventually(() =>
        assert.deepEqual(
          clients.map(({ text }) => text),
          [...clients.keys()].map(String),
        ),
      );
    });

    it('turns clients away where there are no more descriptors for them, and goes on', async () => {
      const none = { allows: () => budgetAllows, opened: () => undefined, closed: () => undefined };
      let budgetAllows = false;
      await open({ budget: new RelayBudget(new ManualClock(), 1_000, none) });
      await setting.serve();
      const turnedAway = setting.client().say('x');
      await eventually(() => assert.equal(turnedAway.fate, 'ECONNRESET'));
      budgetAllows = true;
      const client = setting.client().say('y');
      await eventually(() => assert.equal(client.text, 'y'));
    });

    it('gives back the place of each connection, however it has ended', async () => {
      const clock = new ManualClock();
      const budget = new RelayBudget(clock);
      await open({ budget });
      await setting.serve((socket) => {
        socket.on('data', (chunk: Buffer) => reply(socket, chunk.toString()));
        socket.on('end', () => socket.end());
      });
      const reply = (socket: Socket, text: string): void => {
        if (text === 'end') socket.end();
        else if (text === 'reset') socket.resetAndDestroy();
        else socket.write(text);
      };
      for (const text of ['end', 'reset']) {
        const { socket } = setting.client().say(text);
        socket.on('end', () => socket.end());
      }
      const leaving = setting.client().say('x');
      await eventually(() => assert.equal(leaving.text, 'x'));
      leaving.socket.destroy();
      const resetting = setting.client();
      await once(resetting.socket, 'connect');
      resetting.socket.resetAndDestroy();
      await eventually(() => assert.equal(budget.isUsed, false));
    });
  });

  describe('while its service does not run', () => {
    it('holds a connection and what comes by it, and passes it on when the service is ready', async () => {
      await open();
      setting.arm();
      const client = setting.client().say('hello');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      const [knock] = setting.knocks;
      assert.deepEqual(knock, { unikernel: 'web', protocol: 'tcp', port: setting.port, from: HERE });
      await sleep(GLANCE);
      assert.equal(client.fate, undefined);
      await setting.serve();
      setting.deliver();
      await eventually(() => assert.equal(client.text, 'hello'));
    });

    it('passes on a request that has ended meanwhile', async () => {
      await open();
      setting.arm();
      const client = setting.client().say('hello');
      client.socket.end();
      await eventually(() => assert.equal(setting.knocks.length, 1));
      await sleep(GLANCE);
      await setting.serve();
      setting.deliver();
      await eventually(() => assert.deepEqual([client.text, client.fate], ['hello', 'end']));
    });

    it('reads no more than little from a client that waits', async () => {
      await open();
      setting.arm();
      const client = setting.client();
      const total = 32 * 1_048_576;
      client.socket.write(Buffer.alloc(total));
      await sleep(200);
      // The rest waits in the buffers of the kernel, of which both sides have one.
      assert.ok(client.socket.writableLength > total / 2);
      let length = 0;
      await setting.serve((socket) => socket.on('data', (chunk: Buffer) => (length += chunk.length)));
      setting.deliver();
      await eventually(() => assert.equal(length, total));
    });

    it('resets who waits when the release says refuse, and stays armed', async () => {
      await open();
      setting.arm();
      const client = setting.client().say('hello');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      setting.engine.release('web', 'refuse');
      await eventually(() => assert.equal(client.fate, 'ECONNRESET'));
      setting.client();
      await eventually(() => assert.equal(setting.knocks.length, 2));
    });

    it('has who waits knock again when the release says drop', async () => {
      const clock = new ManualClock();
      await open({ clock });
      setting.arm();
      const client = setting.client().say('hello');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      setting.engine.release('web', 'drop');
      await sleep(GLANCE);
      assert.deepEqual([client.fate, setting.knocks.length], [undefined, 1]);
      await clock.advance(1_000);
      await eventually(() => assert.equal(setting.knocks.length, 2));
      await setting.serve();
      setting.deliver();
      await eventually(() => assert.equal(client.text, 'hello'));
    });

    it('resets at once who is refused, and does not ask again for the same client within a second', async () => {
      const clock = new ManualClock();
      await open({ clock });
      setting.arm();
      setting.verdict = 'refuse';
      for (let index = 0; index < 3; index += 1) {
        const client = setting.client();
        await eventually(() => assert.equal(client.fate, 'ECONNRESET'));
      }
      assert.equal(setting.knocks.length, 1);
      await clock.advance(1_000);
      setting.client();
      await eventually(() => assert.equal(setting.knocks.length, 2));
    });

    it('knocks again for who is dropped, as TCP repeats its first packet, and resets at last', async () => {
      const clock = new ManualClock();
      await open({ clock });
      setting.arm();
      setting.verdict = 'drop';
      const client = setting.client().say('hello');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      for (const [index, pause] of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000].entries()) {
        await sleep(5);
        await clock.advance(pause - 1);
        assert.equal(setting.knocks.length, index + 1);
        await clock.advance(1);
        assert.equal(setting.knocks.length, index + 2);
      }
      await eventually(() => assert.equal(client.fate, 'ECONNRESET'));
    });

    it('delivers who was dropped at first', async () => {
      const clock = new ManualClock();
      await open({ clock });
      setting.arm();
      setting.verdict = 'drop';
      const client = setting.client().say('hello');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      await setting.serve();
      setting.deliver();
      await eventually(() => assert.equal(client.text, 'hello'));
    });

    it('knocks once for all that a client sends', async () => {
      await open();
      setting.arm();
      const clients = [setting.client().say('a'), setting.client().say('b'), setting.client('127.0.0.2').say('c')];
      await eventually(() => assert.equal(setting.knocks.length, 2));
      await setting.serve();
      setting.deliver();
      await eventually(() =>
        assert.deepEqual(
          clients.map(({ text }) => text),
          ['a', 'b', 'c'],
        ),
      );
      setting.arm();
      setting.client();
      await eventually(() => assert.equal(setting.knocks.length, 3));
    });

    it('refuses those that are denied, without a knock', async () => {
      await open({ unikernel: { ignored: ['127.0.0.2/32'] } });
      setting.arm();
      const client = setting.client('127.0.0.2');
      await eventually(() => assert.equal(client.fate, 'ECONNRESET'));
      assert.deepEqual(setting.knocks, []);
    });

    it('holds a bounded number', async function () {
      this.timeout(20_000);
      await open();
      setting.arm();
      const clients = Array.from({ length: 1_024 + 6 }, () => setting.client());
      await eventually(() => assert.equal(clients.filter(({ fate }) => fate === 'ECONNRESET').length, 6));
      await setting.serve();
      setting.deliver();
      for (const client of clients) client.say('x');
      await eventually(() => assert.equal(clients.filter(({ text }) => text === 'x').length, 1_024));
    });

    it('holds what is on its way to a program that is about to be stopped', async () => {
      await open();
      // Nobody listens yet: the connection is being tried.
      const client = setting.client().say('hello');
      await sleep(50);
      setting.arm();
      await eventually(() => assert.equal(setting.knocks.length, 1));
      await sleep(1_200);
      assert.equal(client.fate, undefined);
      await setting.serve();
      setting.deliver();
      await eventually(() => assert.equal(client.text, 'hello'));
    });

    it('lets open connections go on until the program ends', async () => {
      await open();
      await setting.serve();
      const client = setting.client().say('a');
      await eventually(() => assert.equal(client.text, 'a'));
      setting.arm();
      client.say('b');
      await eventually(() => assert.equal(client.text, 'ab'));
      assert.deepEqual(setting.knocks, []);
      await setting.endProgram();
      await eventually(() => assert.notEqual(client.fate, undefined));
    });

    it('holds what comes by a connection that survives, and knocks for it', async () => {
      await open();
      await setting.serve();
      const client = setting.client().say('a');
      await eventually(() => assert.equal(client.text, 'a'));
      setting.arm('hold');
      client.say('b');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      await sleep(GLANCE);
      assert.equal(client.text, 'a');
      setting.deliver();
      await eventually(() => assert.equal(client.text, 'ab'));
      client.say('c');
      await eventually(() => assert.equal(client.text, 'abc'));
    });

    it('delivers what a program has sent before its end, although the machine has ended', async () => {
      await open();
      const total = 8 * 1_048_576;
      await setting.serve((socket) => socket.end(Buffer.alloc(total, 1)));
      const client = setting.client();
      client.socket.pause();
      await sleep(100);
      setting.arm('refuse');
      await sleep(50);
      client.socket.resume();
      await eventually(() => assert.deepEqual([client.received.length, client.fate], [total, 'end']));
    });

    it('holds who knocks while a failure of those before is told, until the answer', async () => {
      await open();
      let answer: (verdict: 'hold') => void = () => undefined;
      setting.verdict = new Promise((resolve) => (answer = resolve));
      setting.arm();
      const client = setting.client().say('hello');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      setting.engine.release('web', 'refuse');
      answer('hold');
      await sleep(GLANCE);
      assert.equal(client.fate, undefined);
      await setting.serve();
      setting.deliver();
      await eventually(() => assert.equal(client.text, 'hello'));
    });

    it('forgets clients that have gone', async () => {
      const budget = new RelayBudget(new ManualClock());
      await open({ budget });
      setting.arm();
      const client = setting.client().say('a');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      client.socket.resetAndDestroy();
      await eventually(() => assert.equal(budget.isUsed, false));
    });
  });

  describe('with requests that are ignored', () => {
    const ignore = { paths: ['/healthz'], userAgents: ['UptimeRobot'] };

    it('answers them 503 while the service does not run, and closes', async () => {
      await open({ order: { ignore } });
      setting.arm();
      const client = setting.client().say('GET /healthz HTTP/1.1\r\nHost: web\r\n\r\n');
      await eventually(() => assert.equal(client.fate, 'end'));
      assert.match(client.text, /^HTTP\/1\.1 503 .*\r\nCache-Control: no-store\r\nRetry-After: \d+\r\n/);
      assert.deepEqual(setting.knocks, []);
    });

    it('lets all others knock', async () => {
      await open({ order: { ignore } });
      setting.arm();
      const client = setting.client().say('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
      await eventually(() => assert.equal(setting.knocks.length, 1));
      await setting.serve();
      setting.deliver();
      await eventually(() => assert.equal(client.text, 'GET / HTTP/1.1\r\nHost: web\r\n\r\n'));
    });

    it('lets a client knock that sends nothing for two seconds', async () => {
      const clock = new ManualClock();
      await open({ clock, order: { ignore } });
      setting.arm();
      const client = setting.client();
      await once(client.socket, 'connect');
      await sleep(20);
      await clock.advance(1_999);
      assert.equal(setting.knocks.length, 0);
      await clock.advance(1);
      assert.equal(setting.knocks.length, 1);
    });

    it('passes on at once who has sent nothing yet when the service is ready', async () => {
      const clock = new ManualClock();
      await open({ clock, order: { ignore } });
      setting.arm();
      const client = setting.client();
      await once(client.socket, 'connect');
      await setting.serve((socket) => socket.write('220'));
      await sleep(20);
      setting.deliver();
      await eventually(() => assert.equal(client.text, '220'));
    });

    it('passes them on while the service runs, and does not count them', async () => {
      await open({ order: { ignore } });
      await setting.serve();
      const request = 'GET / HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (compatible; uptimerobot/2.0)\r\n\r\n';
      const client = setting.client().say(request);
      await eventually(() => assert.equal(client.text, request));
      assert.deepEqual(setting.engine.observe('web'), { connections: 0, clients: [] });
    });
  });

  describe('counts as use', () => {
    let clock: ManualClock;

    beforeEach(() => (clock = new ManualClock()));

    const idle = 900_000;

    it('open connections whose last payload is not too old', async () => {
      await open({ clock });
      await setting.serve();
      const client = setting.client().say('a');
      await eventually(() => assert.equal(client.text, 'a'));
      await clock.advance(idle);
      const { connections, sinceLastPacket, clients } = setting.engine.observe('web');
      assert.deepEqual([connections, sinceLastPacket, clients], [1, idle, [HERE]]);
      await clock.advance(1);
      assert.equal(setting.engine.observe('web').connections, 0);
      client.say('b');
      await eventually(() => assert.equal(setting.engine.observe('web').connections, 1));
    });

    it('a connection that has just been opened, and not one that never says anything', async () => {
      await open({ clock });
      await setting.serve();
      setting.client();
      await eventually(() => assert.equal(setting.engine.observe('web').connections, 1));
      await clock.advance(10_001);
      assert.deepEqual(setting.engine.observe('web'), { connections: 0, clients: [] });
    });

    it('the last payload of connections that are closed', async () => {
      await open({ clock });
      await setting.serve();
      const client = setting.client().say('a');
      await eventually(() => assert.equal(client.text, 'a'));
      client.socket.end();
      await eventually(() => assert.equal(setting.engine.observe('web').connections, 0));
      await clock.advance(5_000);
      assert.equal(setting.engine.observe('web').sinceLastPacket, 5_000);
    });

    it('nothing of those that are denied, whom it serves all the same', async () => {
      await open({ clock, unikernel: { ignored: ['127.0.0.2/32'] } });
      await setting.serve();
      const client = setting.client('127.0.0.2').say('a');
      await eventually(() => assert.equal(client.text, 'a'));
      assert.deepEqual(setting.engine.observe('web'), { connections: 0, clients: [] });
    });
  });

  describe('that tells its program who the client is', () => {
    it('sends a header of the PROXY protocol first', async () => {
      await open({ port: { proxyProtocol: true } });
      await setting.serve();
      const client = setting.client('127.0.0.5').say('hello');
      await eventually(() => assert.equal(client.text.slice(-5), 'hello'));
      const header = client.received.subarray(0, -5);
      assert.equal(header.length, 28);
      assert.equal(header.subarray(0, 16).toString('hex'), '0d0a0d0a000d0a515549540a2111000c');
      assert.deepEqual([...header.subarray(16, 24)], [127, 0, 0, 5, 127, 0, 0, 1]);
      assert.equal(header.readUInt16BE(24), client.socket.localPort);
      assert.equal(header.readUInt16BE(26), setting.port);
    });
  });
});
