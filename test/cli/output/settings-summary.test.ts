import assert from 'node:assert/strict';
import type { Settings } from '@jitsud/core';
import { settingsSummary } from '#cli/output/settings-summary.js';

const NONE = {
  file: '/d/jitsu.config.ts',
  dns: { bind: ['127.0.0.1'], port: 53, forwarders: 'off', forwarderPort: 53, zones: [] },
  stateStore: { contribution: { name: 'memory' } },
  controlSocket: '/run/control.sock',
  onExit: 'keep',
  connections: [],
  unikernels: [],
} as unknown as Settings;

const ONE = {
  ...NONE,
  unikernels: [
    {
      ...{ name: 'hello', backend: 'process', names: ['hello.test'], addresses: ['127.0.0.80'], ready: [], delay: 100 },
      ...{ stopMode: 'destroy', stopPolicies: [], ttl: 60_000 },
    },
  ],
} as unknown as Settings;

describe('the summary of a good configuration', () => {
  it('says what would be served, and what was not checked', () => {
    assert.equal(
      settingsSummary(ONE, [], 80),
      `jitsu.config.ts is good.

DNS              127.0.0.1:53, over UDP and TCP
Other names      refused
State            in memory
Control          /run/control.sock
When Jitsu ends  unikernels keep running

UNIKERNEL  BACKEND  NAMES       ADDRESSES   READY WHEN
hello      process  hello.test  127.0.0.80  booted + 100 ms

Not checked: whether the backends can be reached, and whether the programs,
folders, users and machines that unikernels name exist. \`jitsu check\` without
--offline asks them.
`,
    );
  });

  it('names unikernels that are asked at one address and port', () => {
    const sharedEndpoints = [{ endpoint: '127.0.0.80:80', unikernels: ['one', 'two'] as const }];
    const summary = settingsSummary(ONE, [], 80, { sharedEndpoints });
    assert.match(summary, /What two unikernels cannot have at once:\n\n {2}! 127\.0\.0\.80:80: one and two\n\n/);
  });

  it('says who holds first packets, where somebody does', () => {
    const heldBy = (): readonly string[] => ['relay tcp 127.0.0.80:80 -> 127.0.0.1:9000', 'netfilter tcp/443'];
    assert.match(
      settingsSummary(ONE, [], 200, { heldBy }),
      /READY WHEN +HELD BY +STOP .*\nhello .* booted \+ 100 ms +relay tcp 127\.0\.0\.80:80 -> 127\.0\.0\.1:9000 .*\n +netfilter tcp\/443\n/,
    );
  });

  it('names what nothing but queries keeps, the first of them where there are many', () => {
    const summary = settingsSummary(ONE, [], 200, { byQueriesAlone: ['hello'] });
    assert.match(
      summary,
      /What nothing but queries keeps running:\n\n {2}! hello: may be stopped in the middle of a connection\. Add connections/,
    );
    const many = Array.from({ length: 21 }, (_, index) => `u${index}`);
    assert.match(settingsSummary(ONE, [], undefined, { byQueriesAlone: many }), / u19, and 1\s+more: may be stopped/);
  });

  it('names the deadlines that usually pass before all is ready', () => {
    const shortDeadlines = [
      { unikernel: 'web', deadline: 10_000, usual: 12_000, chain: ['db', 'web'] },
      { unikernel: 'slow', deadline: 5_000, usual: 6_500, chain: ['slow'] },
    ];
    const summary = settingsSummary(ONE, [], 100, { shortDeadlines });
    assert.match(
      summary,
      /What usually takes longer than its deadline:\n\n {2}! web: 12 s, one after the other: db, web; its deadline is 10 s\n {2}! slow: 6\.5 s; its deadline is 5 s\n/,
    );
  });

  it('says what is as good as root, and which plugins were passed over', () => {
    const connections = [{ name: 'far' }, { name: 'near\n', rootEquivalent: 'It is as good as root.' }];
    const settings = { ...ONE, connections, passedOver: ['The plugin in /x is passed over.'] } as unknown as Settings;
    const summary = settingsSummary(settings, [], 80);
    const told = `keep running

What is as good as root:

  ! Backend near\\x0a: It is as good as root.

What was passed over:

  ! The plugin in /x is passed over.

UNIKERNEL`;
    assert.ok(summary.includes(told), summary);
  });

  it('is one line about the backends where nobody wraps lines', () => {
    assert.match(settingsSummary(ONE, [], undefined), /\n\nNot checked: .*asks them\.\n$/);
  });

  it('says what the backends lack that were asked, or that they lack nothing', () => {
    const findings = [{ backend: 'far', code: 'JITSU_BACKEND_FAILED', message: 'libxl cannot be used:\n  - no Xen' }];
    const lacking = settingsSummary(ONE, [], undefined, { findings });
    assert.ok(
      lacking.endsWith(
        '\n\nWhat a start would not find now:\n\n  ! Backend far: libxl cannot be used: - no Xen (JITSU_BACKEND_FAILED)\n',
      ),
      lacking,
    );
    const doorman = [{ backend: 'The doorman netfilter', code: 'JITSU_DOORMAN_DENIED', message: 'It lacks a right.' }];
    assert.ok(
      settingsSummary(ONE, [], undefined, { findings: doorman }).includes('\n  ! The doorman netfilter: It lacks'),
    );
    assert.match(settingsSummary(ONE, [], undefined, { findings: [] }), /\n\nThe backends were asked, .*name\.\n$/);
  });

  it('shows memory where it is known, and warns of more than there is without calling anything missing', () => {
    const [hello] = ONE.unikernels;
    const settings = { ...ONE, unikernels: [hello, { ...hello, name: 'other' }] } as unknown as Settings;
    const message = 'hello may have 64 MiB of memory, and its computer has 32.';
    const findings = [{ backend: 'process', code: 'JITSU_UNIKERNEL_INVALID', message, isWarning: true }] as const;
    const memoryOf = ({ name }: { name: string }) => (name === 'hello' ? 67_108_864 : undefined);
    const summary = settingsSummary(settings, [], 80, { findings, memoryOf });
    assert.match(summary, /READY WHEN +MEMORY\nhello .* 64 MiB\nother .* -\n/);
    assert.match(
      summary,
      /\nThe backends were asked, [^!]*\n\nWhat does not fit into its computer:\n\n {2}! Backend process: hello may have 64 MiB/,
    );
  });

  it('says nothing of backends where no unikernel is configured', () => {
    assert.match(settingsSummary(NONE, [], 80), /running\n\nNo unikernel is configured\.\n$/);
  });
});
