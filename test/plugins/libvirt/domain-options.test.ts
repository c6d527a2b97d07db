import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { libvirtOptions } from '#libvirt/libvirt-options.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';
import type { MachinesById } from '../../support/machines-by-id.js';

const interfaceWith = (mac: string): string =>
  `<interface type='network'><mac address='${mac}'/><source network='default'/></interface>`;

const FIRST = '52:54:00:00:00:01';
const SECOND = '52:54:00:00:00:02';

/** With libvirt's test driver. */
describe('the options of a libvirt unikernel', () => {
  let driver: TestDriver;
  let backend: MachinesById;

  before(function () {
    driver = TestDriver.open(this);
  });
  after(() => driver[Symbol.dispose]());
  beforeEach(async () => {
    backend = driver.machines();
    await backend.connect();
  });
  afterEach(async () => {
    await backend.close();
    driver.removeAll();
  });

  const register = (options: object): Promise<string> =>
    backend.register({ name: 'unikernel', options: libvirtOptions.parse(options) });

  describe('xml', () => {
    it('has a domain defined that libvirt does not have, and not started', async () => {
      const uuid = randomUUID();
      const xml = driver.xmlFile('fresh', { uuid, devices: interfaceWith(FIRST) });
      assert.equal(await register({ xml }), uuid);
      assert.deepEqual(await backend.describe(uuid), { name: 'fresh', state: 'off', macs: [FIRST] });
      assert.ok(!driver.isActive('fresh'));
    });

    it('finds the same domain again, by its name or by its uuid', async () => {
      const xml = driver.xmlFile('fresh');
      const id = await register({ xml });
      assert.equal(await register({ xml }), id);
      assert.equal(await register({ xml, name: 'fresh' }), id);
      assert.equal(await register({ name: 'fresh' }), id);
      assert.equal(await register({ uuid: id }), id);
      assert.equal(await register({ xml, uuid: id.toUpperCase() }), id);
    });

    it('leaves a domain as it is that libvirt has, running or not', async () => {
      const id = await register({ xml: driver.xmlFile('kept', { devices: interfaceWith(FIRST) }) });
      const changed = driver.xmlFile('kept', { devices: interfaceWith(SECOND) });
      assert.equal(await register({ xml: changed }), id);
      assert.deepEqual((await backend.describe(id)).macs, [FIRST]);
      await backend.start(id);
      assert.equal(await register({ xml: changed }), id);
      assert.deepEqual((await backend.describe(id)).macs, [FIRST]);
      assert.ok(driver.isActive('kept'));
    });

    it('gives the domain that it defines the uuid of the options', async () => {
      const uuid = randomUUID();
      assert.equal(await register({ xml: driver.xmlFile('fresh'), uuid }), uuid);
      assert.equal((await backend.describe(uuid)).name, 'fresh');
    });

    it('is refused where libvirt does not take it, with its words and the path', async () => {
      const xml = driver.xmlFile('odd', { more: '<vcpu>none</vcpu>' });
      const { message } = await rejectsWithCode(register({ xml }), 'JITSU_UNIKERNEL_INVALID');
      assert.ok(
        message.includes(`unikernel cannot be defined from ${xml}: libvirt at test:///default said "`),
        message,
      );
      assert.match(message, /vcpu.*\(VIR_ERR_\w+\)/);
    });

    it('is refused where libvirt has a domain of that name with another uuid', async () => {
      const id = await register({ xml: driver.xmlFile('taken') });
      const xml = driver.xmlFile('taken', { uuid: randomUUID() });
      const { message } = await rejectsWithCode(register({ xml }), 'JITSU_UNIKERNEL_INVALID');
      assert.ok(message.includes(id), message);
    });

    it('is refused where the options call the domain by another name', async () => {
      const options = { name: 'other', xml: driver.xmlFile('fresh') };
      const { message } = await rejectsWithCode(register(options), 'JITSU_UNIKERNEL_INVALID');
      assert.equal(
        message,
        `unikernel cannot be a domain of libvirt. name: 'other', but ${options.xml} calls the domain 'fresh'.`,
      );
      assert.equal(driver.act('fresh', 'create'), -1, 'nothing was defined');
    });
  });

  describe('redefine', () => {
    it('has a domain defined anew that libvirt has, with the same uuid', async () => {
      const id = await register({ xml: driver.xmlFile('kept', { devices: interfaceWith(FIRST) }) });
      const xml = driver.xmlFile('kept', { devices: interfaceWith(SECOND) });
      assert.equal(await register({ xml, redefine: true }), id);
      assert.deepEqual((await backend.describe(id)).macs, [SECOND]);
    });

    it('lets a running domain run, and takes effect at its next start', async () => {
      const id = await register({ xml: driver.xmlFile('kept', { devices: interfaceWith(FIRST) }) });
      await backend.start(id);
      const xml = driver.xmlFile('kept', { devices: interfaceWith(SECOND) });
      assert.equal(await register({ xml, redefine: true }), id);
      assert.deepEqual((await backend.describe(id)).macs, [FIRST]);
      await backend.stop(id, 'destroy', new AbortController().signal);
      await backend.start(id);
      assert.deepEqual((await backend.describe(id)).macs, [SECOND]);
    });

    it('has a domain defined that libvirt does not have', async () => {
      const id = await register({ xml: driver.xmlFile('fresh'), redefine: true });
      assert.equal((await backend.describe(id)).state, 'off');
    });

    it('is refused without anything to define it from', () => {
      const { error } = libvirtOptions.safeParse({ name: 'www', redefine: true });
      assert.deepEqual(
        error?.issues.map(({ path, message }) => [path, message]),
        [[['redefine'], 'There is no `xml` to define the domain from.']],
      );
    });
  });

  describe('uuid', () => {
    it('says which domain it is where the name says another', async () => {
      const alpha = await register({ xml: driver.xmlFile('alpha') });
      const beta = await register({ xml: driver.xmlFile('beta') });
      assert.equal(await register({ name: 'alpha', uuid: beta }), beta);
      assert.equal((await backend.describe(beta)).name, 'beta');
      assert.notEqual(alpha, beta);
    });

    it('is refused where libvirt has no such domain, though it has one of that name', async () => {
      await register({ xml: driver.xmlFile('alpha') });
      const uuid = randomUUID();
      const { message } = await rejectsWithCode(register({ name: 'alpha', uuid }), 'JITSU_UNIKERNEL_UNKNOWN');
      assert.ok(message.includes(`no domain with the uuid ${uuid}`), message);
    });
  });

  describe('of a domain that was undefined behind our back', () => {
    it('have it defined anew by its next start, with the same uuid', async () => {
      const xml = driver.xmlFile('gone', { devices: interfaceWith(FIRST) });
      const id = await register({ xml });
      driver.undefine('gone');
      const { detail, ...rest } = await backend.describe(id);
      assert.deepEqual(rest, { name: 'gone', state: 'off', macs: [FIRST] });
      assert.match(detail ?? '', new RegExp(`next start defines it from ${xml}$`));
      await backend.start(id);
      assert.ok(driver.isActive('gone'));
      const { state, macs } = await backend.describe(id);
      assert.deepEqual({ state, macs }, { state: 'running', macs: [FIRST] });
    });

    it('let it be stopped, since it is off', async () => {
      const id = await register({ xml: driver.xmlFile('gone') });
      driver.undefine('gone');
      for (const mode of ['destroy', 'shutdown', 'suspend', 'managedsave']) {
        await backend.stop(id, mode, new AbortController().signal);
      }
    });

    it('say that it is off where there is no xml, and that it is gone when it is started', async () => {
      const id = await register({ xml: driver.xmlFile('gone') });
      await register({ uuid: id });
      driver.undefine('gone');
      const detail = 'libvirt does not have it any more';
      assert.deepEqual(await backend.describe(id), { name: 'unikernel', state: 'off', macs: [], detail });
      const { message } = await rejectsWithCode(backend.start(id), 'JITSU_UNIKERNEL_UNKNOWN');
      assert.match(message, /^unikernel cannot be started: .*\(VIR_ERR_NO_DOMAIN\).*virsh define/);
    });
  });
});
