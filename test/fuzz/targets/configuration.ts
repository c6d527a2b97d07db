import { writeFileSync } from 'node:fs';
import { parse } from '#cli/parse.js';
import { UsageError } from '#cli/usage-error.js';
import { loadSettings } from '#core/config/load-settings.js';
import { JitsuError } from '#core/errors.js';
import { settingsContext } from '../../support/settings-context.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { ByteMutator } from '../byte-mutator.js';
import type { CpuMeter } from '../cpu-meter.js';
import type { FuzzStage, FuzzTarget } from '../fuzz-target.js';

const YAML = `dns:
  bind: ['127.0.0.1', '::1']
  forwarders: [9.9.9.9, 'tls://[2620:fe::fe]#dns.quad9.net']
  cache: { size: 32 MiB, stale: 1 d, prefetch: true }
  rateLimit: { perSecond: 100, slip: 2, exempt: [private] }
  zones: [{ name: lab.test, authoritative: true }]
wake: { proof: cookie-or-tcp, budget: { perClient: 5, perPrefix: 20, interval: 1m }, hours: '08:00-18:00' }
backends: { one: { type: toy, connect: 'qemu:///system', retries: 3 } }
boot: { limit: 3, queue: 5, deadline: 30 s }
stop: { onExit: stop, policies: [ttl, { keep-alive: null }] }
log: { level: debug }
unikernels:
  - &a { name: a, dns: [a.test, '*.a.test'], ip: [192.0.2.1, '2001:db8::1'], backend: toy, memory: 64000, ready: 'tcp:80' }
  - { <<: *a, name: b, dns: b.test }
`;
const JSON_TEXT = JSON.stringify({
  dns: { port: 5_300, forwarders: 'off', limits: { pendingQueries: 10 }, allow: ['10.0.0.0/8'] },
  unikernels: [
    { name: 'a', dns: 'a.test', ip: '::1', backend: 'toy', nic: ['br0'], https: [{ priority: 1, alpn: ['h2'] }] },
  ],
});
const LINES = [
  'start dns=a.test,ip=192.0.2.1,backend=toy -l 127.0.0.1:53 -f 9.9.9.9',
  'a.test:::1 --config x.yaml',
  'status --watch=3 --history=a --limit 5 --json',
  'resolve a.test AAAA --server ::1 --port 53 --timeout 2 --tcp',
  'stop a --mode suspend --control /a/b',
  'flush a.test',
  'check --schema',
].map((line) => line.replaceAll(' ', '\0'));
const WORDS = [
  ...[
    'dns',
    'ip',
    'unikernels',
    'backend',
    'name',
    'toy',
    'a.test',
    'ready',
    'tcp:80',
    'stop',
    'ttl',
    'null',
    'true',
    '~',
  ],
  ...[
    '- ',
    ': ',
    '\n  ',
    '\n',
    '[',
    ']',
    '{',
    '}',
    ',',
    '&a ',
    '*a',
    '<<: ',
    '!!binary ',
    '!!js/function ',
    '|\n',
    '>-\n',
    '---\n',
    '...',
  ],
  ...[
    '"',
    "'",
    '#',
    '__proto__',
    'constructor',
    '0x10',
    '1e9',
    '-.inf',
    '.nan',
    '1 d',
    '5 GiB',
    '-1',
    '::1',
    '10.0.0.0/8',
    '*.',
    '\0',
    '--',
    '-f',
    '=',
  ],
];
/** 8 kB can name a unikernel two thousand times by an alias of YAML: a second is honest, minutes are not. In µs. */
const MOST_CPU = 2_000_000;

/** A byte that says what it is (YAML, JSON, or a command line with a NUL byte between its words), and the text. */
export const configuration: FuzzTarget = {
  name: 'configuration',
  about: 'configuration files in YAML and JSON, and command lines',
  covers: ['/core/dist/config/', '/core/dist/net/', '/cli/dist/'],
  mostCpu: MOST_CPU,
  seeds: () => [`y${YAML}`, `j${JSON_TEXT}`, ...LINES.map((line) => `l${line}`)].map((text) => Buffer.from(text)),
  mutator: (corpus, numbers) => new ByteMutator(corpus, numbers, WORDS).mutate,
  open: () => Promise.resolve(new ConfigurationStage()),
};

class ConfigurationStage implements FuzzStage {
  private readonly folder = new TemporaryFolder();

  async run(input: Uint8Array, meter: CpuMeter): Promise<void> {
    const kind = (input[0] ?? 0) % 3;
    const text = Buffer.from(input.subarray(1));
    if (kind === 0x6c % 3) return meter.packet(() => this.commandLine(text.toString().split('\0')));
    const file = this.folder.in(kind === 0x79 % 3 ? 'jitsu.config.yaml' : 'jitsu.config.json');
    writeFileSync(file, text);
    await meter.packet(() => this.load([], file));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.folder[Symbol.dispose]();
    return Promise.resolve();
  }

  private async commandLine(words: readonly string[]): Promise<void> {
    try {
      const line = parse(words);
      if (line.command === 'start' || line.command === 'check') await this.load(line.words, undefined);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }

  private async load(words: readonly string[], file: string | undefined): Promise<void> {
    const request = { directory: this.folder.in('empty'), words, flags: {}, ...(file !== undefined && { file }) };
    try {
      await loadSettings(request, settingsContext());
    } catch (error) {
      if (!(error instanceof JitsuError)) throw error;
    }
  }
}
