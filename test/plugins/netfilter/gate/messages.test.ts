import assert from 'node:assert/strict';
import {
  checkOrder,
  checkReport,
  MOST_LISTED,
  MOST_SERVICES,
  servicesIn,
  type Order,
  type Report,
} from '#netfilter/gate/messages.js';

const NONCE = '0123456789abcdef0123456789abcdef';
const group = {
  ports: ['tcp/80'],
  connections: 'refuse',
  unikernels: ['www', 'db'],
  addresses: ['10.77.0.80 fd77::80', '10.77.0.81'],
  macs: ['02:00:00:00:00:80', ''],
} as const;
const one = { ...group, unikernels: ['www'], addresses: ['10.77.0.80'], macs: [''] };
const many = (count: number): object => ({
  ...{ ports: ['tcp/80'], connections: 'refuse' },
  ...{ unikernels: Array(count).fill('www'), addresses: Array(count).fill('10.77.0.80') },
});
const setup = {
  instance: 1_234,
  mark: 7,
  users: [65_534],
  bridges: ['br0'],
  memory: 3_600_000,
  rungs: ['NFLOG'],
} as const;
const watched = { addresses: ['10.77.0.80'], ports: ['tcp/80'], outgoing: false };

describe('the orders to the gate', () => {
  it('are taken as they are meant', () => {
    const orders: Order[] = [
      { go: NONCE, setup },
      { user: 998 },
      { number: 1, allow: ['10.77.0.80'] },
      { number: 1, allow: [], seal: true },
      { number: 2, arm: [group] },
      { number: 2, arm: [{ ...group, macs: undefined }] },
      { number: 2, arm: [] },
      { number: 3, release: 'www', outcome: 'deliver' },
      { knock: 4, verdict: 'hold' },
      { number: 5, watch: [watched], ignored: ['192.0.2.0/24'], conntrack: true },
      { number: 6, observe: watched, idle: 900_000 },
    ];
    for (const order of orders) {
      const sent = JSON.parse(JSON.stringify(order)) as unknown;
      assert.deepEqual(checkOrder(sent), sent);
    }
  });

  for (const [what, order] of Object.entries({
    'no object': 7,
    nothing: null,
    'no number': { arm: [group] },
    'a nonce that is none': { go: 'x', setup },
    'a mark that does not fit': { go: NONCE, setup: { ...setup, mark: 2 ** 32 } },
    'a user that does not fit': { user: -1 },
    'an interface that could be a path': { go: NONCE, setup: { ...setup, bridges: ['../x'] } },
    'too many services': { number: 1, arm: [many(MOST_SERVICES + 1)] },
    'too many services in all': { number: 1, arm: [many(MOST_SERVICES), many(1)] },
    'too many groups': { number: 1, arm: Array(MOST_SERVICES + 1).fill(many(0)) },
    'a name for an address': { number: 1, arm: [{ ...one, addresses: ['localhost'] }] },
    'an address with a zone': { number: 1, arm: [{ ...one, addresses: ['fe80::1%eth0'] }] },
    'two blanks between addresses': { number: 1, arm: [{ ...one, addresses: ['10.77.0.80  10.77.0.81'] }] },
    'no address': { number: 1, arm: [{ ...one, addresses: [''] }] },
    'too many addresses': { number: 1, arm: [{ ...one, addresses: [Array(65).fill('10.77.0.80').join(' ')] }] },
    'fewer addresses than services': { number: 1, arm: [{ ...group, addresses: ['10.77.0.80'] }] },
    'more addresses than services': { number: 1, arm: [{ ...one, addresses: ['10.77.0.80', '10.77.0.81'] }] },
    'a service that is no name': { number: 1, arm: [{ ...one, unikernels: [7] }] },
    'a service with no name': { number: 1, arm: [{ ...one, unikernels: [''] }] },
    'a port that there is not': { number: 1, arm: [{ ...one, ports: ['tcp/0'] }] },
    'another protocol': { number: 1, arm: [{ ...one, ports: ['icmp/1'] }] },
    'no MAC': { number: 1, arm: [{ ...one, macs: ['02:00'] }] },
    'fewer MACs than services': { number: 1, arm: [{ ...group, macs: [''] }] },
    'another fate of connections': { number: 1, arm: [{ ...one, connections: 'keep' }] },
    'too many watched addresses': {
      ...{ number: 1, ignored: [], conntrack: false },
      watch: [{ ...watched, addresses: Array(MOST_LISTED + 1).fill('10.77.0.80') }],
    },
    'too many allowed addresses': { number: 1, allow: Array(MOST_LISTED + 1).fill('10.77.0.80') },
    'another outcome': { number: 1, release: 'www', outcome: 'accept' },
    'another verdict': { knock: 1, verdict: 'deliver' },
    'a watched name for an address': { number: 1, observe: { ...watched, addresses: ['x'] }, idle: 1 },
    'no time': { number: 1, observe: watched },
    'a name that is too long': { number: 1, release: 'x'.repeat(513), outcome: 'drop' },
  })) {
    it(`are not carried out with ${what}`, () => assert.equal(checkOrder(order), undefined));
  }
});

describe('the services of an order', () => {
  it('are those of its groups, which share their list of ports', () => {
    const services = [...servicesIn([group])];
    assert.deepEqual(services, [
      {
        ...{ unikernel: 'www', addresses: ['10.77.0.80', 'fd77::80'], connections: 'refuse', ports: ['tcp/80'] },
        mac: '02:00:00:00:00:80',
      },
      { unikernel: 'db', addresses: ['10.77.0.81'], connections: 'refuse', ports: ['tcp/80'] },
    ]);
    assert.ok(services.every(({ ports }) => ports === group.ports));
  });
});

describe('the reports of the gate', () => {
  it('are taken as they are meant', () => {
    const reports: Report[] = [
      { hello: NONCE, pid: 1 },
      { ready: NONCE, rung: 'xt NFQUEUE' },
      { died: true },
      { failure: 'no rights', code: 'JITSU_DOORMAN_DENIED' },
      { done: 1 },
      { done: 1, traffic: { connections: 2, age: 17, clients: ['192.0.2.7'] } },
      { number: 1, refused: 'no', code: 'JITSU_DOORMAN_FAILED' },
      { knock: 1, unikernel: 'www', protocol: 'tcp', port: 80, from: '192.0.2.7' },
    ];
    for (const report of reports) assert.deepEqual(checkReport(JSON.parse(JSON.stringify(report))), report);
  });

  for (const [what, report] of Object.entries({
    'no object': 'knock',
    'another rung': { ready: NONCE, rung: 'other' },
    'a negative age': { done: 1, traffic: { connections: 2, age: -1, clients: [] } },
    'no client': { knock: 1, unikernel: 'www', protocol: 'tcp', port: 80 },
    'a client that is no address': { knock: 1, unikernel: 'www', protocol: 'tcp', port: 80, from: '$(reboot)' },
    'a port that there is not': { knock: 1, unikernel: 'www', protocol: 'tcp', port: 65_536, from: '192.0.2.7' },
  })) {
    it(`mean nothing with ${what}`, () => assert.equal(checkReport(report), undefined));
  }
});
