import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Allowed } from '#netfilter/gate/allowed.js';
import { readAddress } from '#netfilter/netlink/read-address.js';

describe('the addresses that may be armed', () => {
  let folder: string;
  let file: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'jitsu-allowed-'));
    file = openSync(join(folder, 'allowed'), 'wx+');
  });
  afterEach(() => {
    closeSync(file);
    rmSync(folder, { recursive: true });
  });

  const addresses = (...texts: string[]): string[] => texts.map(readAddress);
  const has = (allowed: Allowed, text: string): boolean => allowed.has(readAddress(text));

  it('are all before the seal', () => {
    const allowed = new Allowed(file);
    allowed.add(addresses('10.77.0.80'));
    assert.equal(has(allowed, '10.77.0.99'), true);
  });

  it('are those that were told before it, of both versions of IP, also to a gate that starts later', () => {
    const first = new Allowed(file);
    first.add(addresses('10.77.0.80', '255.0.0.1', '0.0.0.0'));
    first.add(addresses('fd77::80', '10.77.0.80', '10.77.0.7'));
    first.seal();
    for (const allowed of [first, new Allowed(file)]) {
      allowed.add(addresses('10.77.0.99'));
      allowed.seal();
      for (const text of ['10.77.0.80', '255.0.0.1', '0.0.0.0', 'fd77::80', '10.77.0.7']) {
        assert.equal(has(allowed, text), true, text);
      }
      for (const text of ['10.77.0.99', '10.77.0.81', '255.255.255.255', '::', 'fd77::81', '::10.77.0.80']) {
        assert.equal(has(allowed, text), false, text);
      }
      assert.equal(allowed.has(''), false);
    }
    assert.equal(readFileSync(join(folder, 'allowed'), 'latin1').split('\n').length, 7);
  });

  it('go on with those of a gate that died before the seal', () => {
    new Allowed(file).add(addresses('10.77.0.80'));
    const next = new Allowed(file);
    next.add(addresses('10.77.0.81'));
    next.seal();
    assert.deepEqual(
      ['10.77.0.80', '10.77.0.81', '10.77.0.82'].map((text) => has(next, text)),
      [true, true, false],
    );
  });

  it('are none where none was told', () => {
    const allowed = new Allowed(file);
    allowed.seal();
    assert.equal(has(allowed, '10.77.0.80'), false);
  });
});
