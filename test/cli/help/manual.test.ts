import assert from 'node:assert/strict';
import { groffManual } from '#cli/help/groff-manual.js';
import { helpRequest } from '#cli/help/help-request.js';
import type { ManualPage } from '#cli/help/manual-page.js';
import { manual } from '#cli/help/manual.js';
import { plainManual } from '#cli/help/plain-manual.js';
import { UsageError } from '#cli/usage-error.js';

const page: ManualPage = {
  name: 'jitsu',
  summary: 'a summary',
  version: '1.2.3',
  sections: [
    {
      heading: 'DESCRIPTION',
      paragraphs: ['One two three four five six seven eight nine.', '.Dotted \\ and -dashed.'],
    },
    { heading: 'OPTIONS', entries: [{ term: '-x, --backend <NAME>', text: 'Which backend.' }] },
    { heading: 'EXAMPLES', example: ["jitsu 'a=b'"] },
  ],
};

describe('the manual', () => {
  it('has a heading for each backend, with its keys as words write them', () => {
    const key = { key: 'rumprunConfig', word: 'rumprun_config', type: 'text', required: false, options: [] };
    const text = plainManual(
      manual('1.2.3', {
        startFlags: [{ name: 'frob', value: 'URL', sets: 'notifiers.frob.url', description: 'Tell it.' }],
        common: [{ ...key, key: 'dns', word: 'dns', required: true, description: 'The name' }],
        backends: [
          { name: 'libxl', description: 'Xen', options: [{ ...key, default: '"none"', description: 'A file.' }] },
          { name: 'other', description: 'Else', options: [] },
        ],
        commands: [{ name: 'frobnicate', description: 'Do what a plugin does' }],
      }),
    );
    assert.match(text, /\nCOMMON CONFIGURATION\n {7}dns \(required\)\n {11}The name\.\n/);
    assert.match(text, /\nLIBXL CONFIGURATION\n {7}Xen\.\n\n {7}rumprun_config \(absent: "none"\)\n {11}A file\.\n/);
    assert.match(text, /\n {7}frobnicate\n {11}Do what a plugin does\.\n/);
    assert.match(text, /\n {7}--frob <URL>\n {11}Tell it\.\n/);
    assert.match(text, /\nOTHER CONFIGURATION\n {7}Else\.\n/);
  });

  it('fills the lines of a narrow terminal, and no more than 80 columns of a wide one', () => {
    assert.match(plainManual(page, 40), /\n {7}One two three four five six seven\n {7}eight nine\.\n/);
    const longest = Math.max(
      ...plainManual(manual('1', { startFlags: [], common: [], backends: [], commands: [] }), 300)
        .split('\n')
        .map(({ length }) => length),
    );
    assert.ok(longest <= 80, `${longest} columns`);
  });

  it('has nothing in its groff form that would be taken for a request', () => {
    assert.deepEqual(groffManual(page).split('\n'), [
      '.TH "JITSU" "8" "" "jitsu 1.2.3" "System administration"',
      '.SH NAME',
      'jitsu \\- a summary',
      '.SH "DESCRIPTION"',
      'One two three four five six seven eight nine.',
      '.PP',
      '\\&.Dotted \\e and \\-dashed.',
      '.SH "OPTIONS"',
      '.TP',
      '\\fB\\-x, \\-\\-backend <NAME>\\fR',
      'Which backend.',
      '.SH "EXAMPLES"',
      '.PP',
      '.RS',
      '.nf',
      "jitsu 'a=b'",
      '.fi',
      '.RE',
      '',
    ]);
  });
});

describe('a request for help', () => {
  for (const [words, request] of [
    ['--help', { format: 'pager' }],
    ['-h', { format: 'pager' }],
    ['help', { format: 'pager' }],
    ['--help=groff', { format: 'groff' }],
    ['resolve --help', { format: 'pager', command: 'resolve' }],
    ['help stop', { format: 'pager', command: 'stop' }],
    ['-x libxl --help', { format: 'pager' }],
    ['status --json', undefined],
    ['summon help', undefined],
  ] as const) {
    it(`is ${request === undefined ? 'not ' : ''}found in: ${words}`, () => {
      assert.deepEqual(helpRequest(words.split(' ')), request);
    });
  }

  it('names no format that there is not', () => {
    assert.throws(() => helpRequest(['--help=html']), UsageError);
  });
});
