import assert from 'node:assert/strict';
import type { Settings } from '@jitsud/core';
import { announcement } from '#cli/output/announcement.js';
import { openText } from '#cli/output/open-text.js';

const exposures = ['This is an open resolver: set dns.allowForwarding.', 'Forged packets can boot unikernels.'];

describe('what is open to others', () => {
  it('is a list, broken at the width of the terminal', () => {
    assert.equal(
      openText(exposures, 32),
      [
        'What is open to others:',
        '',
        '  ! This is an open resolver:',
        '    set dns.allowForwarding.',
        '  ! Forged packets can boot',
        '    unikernels.',
        '',
      ].join('\n'),
    );
  });

  it('is nothing where nothing is', () => {
    assert.equal(openText([]), '');
  });

  it('stands in what jitsu start says first', () => {
    const served = { settings: { unikernels: [] } as unknown as Settings, listening: [], exposures };
    assert.match(
      announcement(served, { calledAs: 'jitsu' }),
      /What is open to others:\n\n {2}! This is an open resolver/,
    );
  });
});
