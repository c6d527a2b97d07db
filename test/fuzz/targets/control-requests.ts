import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { CachingResolver } from '#core/dns/cache/caching-resolver.js';
import { answerControlRequest, BadControlRequest } from '#core/control/control-request.js';
import { ControlClient } from '#core/control/control-client.js';
import { ControlServer } from '#core/control/control-server.js';
import type { ControlActions } from '#core/control/status-report.js';
import { JitsuError } from '#core/errors.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { RecordedActions } from '../../support/recorded-actions.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { ByteMutator } from '../byte-mutator.js';
import type { CpuMeter } from '../cpu-meter.js';
import type { FuzzStage, FuzzTarget } from '../fuzz-target.js';
import { LeapingClock } from '../leaping-clock.js';

const LONGEST = 30_000;
const request = (line: string, more = ''): Uint8Array => Buffer.from(`${line} HTTP/1.1\r\nHost: jitsu\r\n${more}\r\n`);
const WORDS = [
  ...[
    'GET',
    'POST',
    'DELETE',
    '/status',
    '/history',
    '/flush',
    '/unikernels/',
    '/summon',
    '/stop',
    '?name=',
    '&limit=',
  ],
  ...[
    '?unikernel=',
    '%2F',
    '%00',
    '%E4',
    '%',
    '..',
    '//',
    '\r\n',
    '\r\n\r\n',
    'Content-Length: ',
    'Expect: 100-continue',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'Upgrade: h2c',
    'Connection: keep-alive',
    'HTTP/1.0',
    'HTTP/2',
    '@',
    ':',
    '#',
    'http://x/',
  ],
];

/** What somebody writes to the control socket: a few requests, well-formed and not. */
export const controlRequests: FuzzTarget = {
  name: 'control-requests',
  about: 'what is written to the control socket of a running Jitsu',
  covers: ['/core/dist/control/', '/core/dist/dns/wire/domain-name'],
  mostCpu: 5_000,
  seeds: () => [
    request('GET /status'),
    request('GET /history?unikernel=a%20b&limit=3'),
    request('POST /unikernels/hello/summon', 'Content-Length: 3\r\n'),
    request('POST /unikernels/hello/stop?mode=suspend'),
    request('POST /flush?name=a.test'),
    Buffer.concat([request('GET /status', 'Connection: keep-alive\r\n'), request('GET /nothing')]),
    request('POST /flush', 'Transfer-Encoding: chunked\r\n'),
  ],
  mutator: (corpus, numbers) => new ByteMutator(corpus, numbers, WORDS, LONGEST).mutate,
  open: async () => {
    const stage = new RequestStage();
    await stage.listen();
    return stage;
  },
};

/** Does nothing, but reads names as the real ones do. */
class Actions extends RecordedActions implements ControlActions {
  readonly #cache = new CachingResolver({ resolve: () => undefined }, dnsSettings(), new LeapingClock());

  override flush(name?: string): Promise<{ flushed: number }> {
    try {
      return Promise.resolve({ flushed: this.#cache.flush(name) });
    } catch (error) {
      if (error instanceof RangeError) throw new BadControlRequest(400, error.message);
      throw error;
    }
  }
}

class RequestStage implements FuzzStage {
  private readonly folder = new TemporaryFolder();
  private readonly path = this.folder.in('run', 'control.sock');
  private readonly log = new MemoryLogger();
  private readonly actions = new Actions();
  private readonly server = new ControlServer(this.path, this.actions, new LeapingClock(), this.log);
  private readonly client = new ControlClient(this.path);
  private runs = 0;

  listen(): Promise<void> {
    return this.server.listen();
  }

  async run(input: Uint8Array, meter: CpuMeter): Promise<void> {
    const [method = '', target = ''] = Buffer.from(input.subarray(0, 8_192))
      .toString('latin1')
      .split(/[ \r\n]/);
    await meter.packet(() =>
      answerControlRequest(this.actions, method, target).catch((error: unknown) => {
        if (!(error instanceof JitsuError)) throw error;
      }),
    );
    await this.write(input);
    this.runs += 1;
    if (this.runs % 16 === 0) assert.equal((await this.client.status()).version, '1.2.3', 'it answers no more');
    assert.deepEqual(
      this.log.lines.filter((line) => line.includes('error')),
      [],
    );
    this.actions.calls.length = 0;
    this.log.lines.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    this.folder[Symbol.dispose]();
  }

  /** Writes it all, and waits for the server to close. */
  private async write(input: Uint8Array): Promise<void> {
    const socket = connect(this.path);
    socket.on('error', () => undefined).resume();
    const closed = once(socket, 'close');
    socket.end(input);
    await closed;
  }
}
