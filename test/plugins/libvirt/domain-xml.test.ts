import assert from 'node:assert/strict';
import { identityIn, macsOf, withUuid } from '#libvirt/domain-xml.js';

const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f';

/** A domain with these devices. */
function withDevices(devices: string, attributes = ''): string {
  return `<domain type='test' ${attributes}><name>www</name><devices>${devices}</devices></domain>`;
}

function withInterface(content: string, attributes = ''): string {
  return withDevices(`<interface type='network'>${content}</interface>`, attributes);
}

describe("the XML of libvirt's domains", () => {
  describe('tells the MAC addresses', () => {
    it('of all interfaces, in the order of the devices and in lower case', () => {
      const xml = withDevices(`
        <disk type='file'/>
        <interface type='bridge'><source bridge='br0'/><mac address='52:54:00:AA:BB:02'/></interface>
        <serial type='pty'/>
        <interface type='network'><mac address=' 52:54:00:aa:bb:01 '/></interface>`);
      assert.deepEqual(macsOf(xml), ['52:54:00:aa:bb:02', '52:54:00:aa:bb:01']);
    });

    it('none where there are no devices, no interfaces, and no address', () => {
      assert.deepEqual(macsOf("<domain type='test'><name>www</name></domain>"), []);
      assert.deepEqual(macsOf(withDevices('')), []);
      assert.deepEqual(macsOf(withInterface('')), []);
      assert.deepEqual(macsOf(withInterface('<mac/>')), []);
    });

    it('where the XML writes them with character references', () => {
      assert.deepEqual(macsOf(withInterface("<mac address='52:54:00:&#x61;&#97;:00:01'/>")), ['52:54:00:aa:00:01']);
    });

    it("of devices only, not of what bears the same names in the domain's metadata or deeper", () => {
      const same = "<devices><interface><mac address='52:54:00:00:00:66'/></interface></devices>";
      const xml = `<domain><name>www</name><metadata>${same}</metadata>
        <devices><hostdev>${same}</hostdev><interface><driver><mac address='52:54:00:00:00:67'/></driver></interface>
        <interface><mac address='52:54:00:00:00:01'/></interface></devices></domain>`;
      assert.deepEqual(macsOf(xml), ['52:54:00:00:00:01']);
    });

    it("and takes an extension's elements for no devices, by whichever prefix", () => {
      const namespace = 'http://libvirt.org/schemas/domain/qemu/1.0';
      const own = "<mac address='52:54:00:00:00:01'/>";
      for (const extension of [
        "<qemu:mac address='52:54:00:00:00:66'/>",
        `<mac xmlns='${namespace}' address='52:54:00:00:00:66'/>`,
        `<q:mac xmlns:q='${namespace}' address='52:54:00:00:00:66'/>`,
        "<mac qemu:address='52:54:00:00:00:66'/>",
      ]) {
        const macs = macsOf(withInterface(extension + own, `xmlns:qemu='${namespace}'`));
        assert.deepEqual(macs, ['52:54:00:00:00:01'], extension);
      }
    });

    it('also where an extension stands around them', () => {
      const xml = `<domain xmlns:x='urn:x'><x:devices><interface><mac address='52:54:00:00:00:66'/></interface></x:devices>
        <devices><x:interface><mac address='52:54:00:00:00:67'/></x:interface>
        <interface xmlns=''><mac address='52:54:00:00:00:01'/></interface></devices></domain>`;
      assert.deepEqual(macsOf(xml), ['52:54:00:00:00:01']);
    });
  });

  describe('tells what the domain is called', () => {
    it('by its name, and its uuid in lower case', () => {
      const xml = `<?xml version='1.0'?><!-- <name>no</name> --><domain>
        <name>
          www
        </name><uuid>${UUID.toUpperCase()}</uuid></domain>`;
      assert.deepEqual(identityIn(xml), { name: 'www', uuid: UUID });
    });

    it('by its name alone', () => {
      assert.deepEqual(identityIn('<domain><name>www</name></domain>'), { name: 'www' });
      assert.deepEqual(identityIn('<domain><name>www</name><uuid/></domain>'), { name: 'www' });
    });

    it('with entities, character references and CDATA resolved', () => {
      const xml = '<domain><name>a&amp;b&lt;c&#62;<![CDATA[&d]]></name></domain>';
      assert.deepEqual(identityIn(xml), { name: 'a&b<c>&d' });
    });

    it('and takes the name from nowhere else', () => {
      const xml =
        "<domain xmlns:x='urn:x'><metadata><name>no</name></metadata><x:name>no</x:name><name>www</name></domain>";
      assert.deepEqual(identityIn(xml), { name: 'www' });
    });

    it('unless it gives it no name', () => {
      for (const name of ['', '<name/>', '<name> \n </name>', "<name xmlns='urn:x'>www</name>"]) {
        assert.throws(() => identityIn(`<domain>${name}</domain>`), /no <name>/, name);
      }
    });
  });

  describe('is refused', () => {
    for (const { because, xml, says } of [
      { because: 'it is empty', xml: '', says: /root element/ },
      { because: 'it is no XML', xml: 'name = www', says: /root element/ },
      { because: 'it breaks off', xml: '<domain><name>www</name>', says: /domain/ },
      { because: 'its tags do not match', xml: '<domain><name>www</domain>', says: /"name" != "domain"/ },
      { because: 'an attribute is there twice', xml: "<domain a='1' a='2'/>", says: /redefined/ },
      { because: 'it has two roots', xml: '<domain><name>www</name></domain><domain/>', says: /Only one element/ },
      { because: 'a prefix stands for nothing', xml: withInterface('<qemu:mac/>'), says: /namespace/ },
      { because: 'it is of something else', xml: '<network><name>www</name></network>', says: /<domain> .*<network>/ },
      {
        because: 'its root is in a namespace',
        xml: "<domain xmlns='urn:x'><name>www</name></domain>",
        says: /<domain>/,
      },
      { because: 'its root is an extension', xml: "<x:domain xmlns:x='urn:x'/>", says: /<x:domain> found/ },
      { because: 'nobody knows an entity', xml: '<domain><name>&eacute;</name></domain>', says: /&eacute;/ },
    ]) {
      it(`where ${because}`, () => {
        assert.throws(() => identityIn(xml), says);
        assert.throws(() => macsOf(xml), says);
        assert.throws(() => withUuid(xml, UUID), says);
      });
    }

    it('where its document type has entities of its own, which are not expanded', () => {
      const own = "<!DOCTYPE domain [<!ENTITY name 'www'>]><domain><name>&name;</name></domain>";
      assert.throws(() => identityIn(own), /&name;/);
    });

    it('at once where such entities would fill the memory', () => {
      const entities = Array.from({ length: 40 }, (_, n) => `<!ENTITY a${n + 1} '&a${n};&a${n};&a${n};'>`);
      const laughs = `<!DOCTYPE domain [<!ENTITY a0 'ha'>${entities.join('')}]><domain><name>&a40;</name></domain>`;
      assert.throws(() => identityIn(laughs), /&a40;/);
    });

    it('where an entity would be read from a file', () => {
      const xml =
        "<!DOCTYPE domain [<!ENTITY name SYSTEM 'file:///etc/hostname'>]><domain><name>&name;</name></domain>";
      assert.throws(() => identityIn(xml), /&name;/);
    });
  });

  describe('given a uuid', () => {
    it('has that one in the place of its own', () => {
      const xml = withUuid(`<domain><name>www</name><uuid>${UUID.replace('6', '7')}</uuid></domain>`, UUID);
      assert.deepEqual(identityIn(xml), { name: 'www', uuid: UUID });
      assert.equal(xml.match(/<uuid>/g)?.length, 1);
    });

    it('has it where it had none', () => {
      assert.deepEqual(identityIn(withUuid('<domain><name>www</name></domain>', UUID)), { name: 'www', uuid: UUID });
      const foreign = "<domain xmlns:x='urn:x'><x:uuid>1</x:uuid><name>www</name></domain>";
      assert.deepEqual(identityIn(withUuid(foreign, UUID)), { name: 'www', uuid: UUID });
    });

    it('keeps all else: attributes, entities, extensions, the order of the devices', () => {
      const xml = withUuid(
        `<?xml version="1.0"?>
<domain type="test" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"><name>a&amp;b</name>
  <devices><interface><mac address="52:54:00:00:00:02"/></interface><interface><mac address="52:54:00:00:00:01"/></interface></devices>
  <qemu:commandline><qemu:arg value="a&lt;&quot;b"/></qemu:commandline></domain>`,
        UUID,
      );
      assert.equal(identityIn(xml).name, 'a&b');
      assert.deepEqual(macsOf(xml), ['52:54:00:00:00:02', '52:54:00:00:00:01']);
      assert.ok(xml.includes('<qemu:commandline><qemu:arg value="a&lt;&quot;b"/></qemu:commandline>'), xml);
      assert.ok(xml.includes('type="test"'), xml);
    });
  });
});
