import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { readDefinition } from '#libvirt/domain-definition.js';
import { libvirtOptions } from '#libvirt/libvirt-options.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f';
const OTHER = '7795eb01-f6a4-8304-79aa-97f2502e193f';

describe('a file with the XML of a domain', () => {
  let folder: TemporaryFolder;

  beforeEach(() => (folder = new TemporaryFolder()));
  afterEach(() => folder[Symbol.dispose]());

  const read = async (xml: string, more: { name?: string; uuid?: string } = {}) => {
    const file = folder.in('domain.xml');
    writeFileSync(file, xml);
    return await readDefinition(libvirtOptions.parse({ xml: file, ...more }));
  };

  it('is read, and says what the domain is called', async () => {
    const xml = `<domain><name>www</name><uuid>${UUID}</uuid></domain>\n`;
    assert.deepEqual(await read(xml), { file: folder.in('domain.xml'), xml, name: 'www', uuid: UUID });
  });

  it('need not be there where the options name a domain', async () => {
    assert.equal(await readDefinition(libvirtOptions.parse({ name: 'www' })), undefined);
  });

  it('may begin with the mark that some editors write', async () => {
    const xml = '<?xml version="1.0"?><domain><name>www</name></domain>';
    assert.equal((await read(`\uFEFF${xml}`))?.xml, xml);
  });

  it('may be of a domain that the options call the same, in upper case too', async () => {
    const xml = `<domain><name>www</name><uuid>${UUID}</uuid></domain>`;
    assert.equal((await read(xml, { name: 'www', uuid: UUID.toUpperCase() }))?.uuid, UUID);
  });

  it('may call the domain by another name where the options have the uuid, which wins', async () => {
    const definition = await read('<domain><name>www</name></domain>', { name: 'other', uuid: UUID });
    assert.equal(definition?.name, 'www');
    assert.ok(!('uuid' in definition));
  });

  it('is refused where the options contradict it', async () => {
    const xml = `<domain><name>www</name><uuid>${UUID}</uuid></domain>`;
    await assert.rejects(read(xml, { name: 'other' }), ({ message }: Error) => {
      assert.equal(message, `name: 'other', but ${folder.in('domain.xml')} calls the domain 'www'`);
      return true;
    });
    await assert.rejects(read(xml, { uuid: OTHER }), ({ message }: Error) => {
      assert.equal(message, `uuid: '${OTHER}', but ${folder.in('domain.xml')} gives the domain the uuid '${UUID}'`);
      return true;
    });
  });

  it('is refused, with its path, where it cannot be read or is no XML of a domain', async () => {
    const missing = folder.in('missing.xml');
    await assert.rejects(
      readDefinition(libvirtOptions.parse({ xml: missing })),
      ({ message, cause }: Error) =>
        message.startsWith(`xml: ${missing} cannot be read: ENOENT`) && cause !== undefined,
    );
    await assert.rejects(read('<network/>'), ({ message }: Error) => {
      assert.equal(
        message,
        `xml: ${folder.in('domain.xml')} is not a domain XML: a <domain> expected, <network> found`,
      );
      return true;
    });
  });
});
