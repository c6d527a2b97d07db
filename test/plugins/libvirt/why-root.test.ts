import assert from 'node:assert/strict';
import { whyRoot } from '#libvirt/why-root.js';

describe('why a connection to libvirt needs root', () => {
  for (const uri of [
    'qemu:///system',
    'qemu+unix:///system?socket=/x',
    'xen:///',
    'vbox:///session',
    'qemu+ssh://host/system',
  ])
    it(`is given for ${uri}`, () => {
      assert.equal(whyRoot(uri), `${uri} lets root in, and few others`);
    });

  for (const uri of [
    'test:///default',
    'test+unix:///default',
    'qemu+tls://host/system',
    'qemu+tcp://host/system',
    'esx://host/',
  ])
    it(`is nothing for ${uri}`, () => {
      assert.equal(whyRoot(uri), undefined);
    });
});
