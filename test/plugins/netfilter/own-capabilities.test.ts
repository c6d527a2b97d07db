import assert from 'node:assert/strict';
import { ownCapabilities } from '#netfilter/own-capabilities.js';

describe('the capabilities of a process', () => {
  const of = (digits: string): string[] => [
    ...ownCapabilities(`Name:\tnode\nCapPrm:\t${digits}\nCapEff:\t${digits}\n`),
  ];

  it('are those in effect', () => {
    assert.deepEqual(of('0000000000001000'), ['net_admin']);
    assert.deepEqual(of('0000000000003000'), ['net_admin', 'net_raw']);
    assert.deepEqual(of('000001ffffffffff').sort(), ['net_admin', 'net_raw', 'setgid', 'setpcap', 'setuid']);
    const status = 'CapPrm:\t0000000000003000\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n';
    assert.deepEqual([...ownCapabilities(status)], []);
  });

  it('are none where the system does not tell', () => assert.deepEqual([...ownCapabilities('')], []));
});
