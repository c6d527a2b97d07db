import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { errorReport } from '#cli/error-report.js';
import { historyTable } from '#cli/output/history-table.js';
import { statusTable } from '#cli/output/status-table.js';
import { ControlClient } from '#core/control/control-client.js';
import { JitsuError } from '#core/errors.js';
import { aStatusReport, aUnikernelStatus, reportTime } from '../../support/a-status-report.js';
import { anEvent } from '../../support/store-records.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { ByteMutator } from '../byte-mutator.js';
import type { CpuMeter } from '../cpu-meter.js';
import type { FuzzStage, FuzzTarget } from '../fuzz-target.js';

const LONGEST = 60_000;
const failure = { count: 2, at: 1, retryAt: reportTime, reason: 'x', code: 'JITSU_SUMMON_DIED' };
const BODIES = [
  aStatusReport(
    [aUnikernelStatus(), aUnikernelStatus({ phase: 'failing', failure })],
    [{ name: 'n', connected: true, detail: 'd' }],
  ),
  [anEvent(), { ...anEvent(), cause: { kind: 'query', name: 'a.test', type: 'A', client: '::1' } }],
  { ...aUnikernelStatus(), wasReady: false },
  { flushed: 3 },
  { code: 'JITSU_UNIKERNEL_UNKNOWN', message: 'There is none.' },
].map((body) => JSON.stringify(body));
const WORDS = [
  ...[
    'null',
    'true',
    '-1',
    '1e999',
    '""',
    '[]',
    '{}',
    '[[[[',
    '"__proto__":',
    '\\u0000',
    '\\u001b[2J',
    '\\u202e',
    '\u009b',
  ],
  ...[
    '"name":',
    '"names":',
    '"unikernels":',
    '"listening":',
    '"at":',
    '"message":',
    '"code":',
    'HTTP/1.1 200',
    'HTTP/1.1 500',
  ],
  ...['\r\n\r\n', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'Content-Encoding: gzip\r\n'],
];

/** What a program in the place of a Jitsu answers at its control socket: a body, or a whole reply with its head. */
export const controlReplies: FuzzTarget = {
  name: 'control-replies',
  about: 'what commands are answered at the control socket, until it is printed',
  covers: ['/core/dist/control/', '/cli/dist/output/', '/cli/dist/error-report'],
  mostCpu: 20_000,
  seeds: () =>
    [
      ...BODIES,
      `HTTP/1.1 200 OK\r\nContent-Length: ${BODIES[3]?.length}\r\n\r\n${BODIES[3]}`,
      'HTTP/1.1 100 Continue\r\n\r\n',
    ].map((text) => Buffer.from(text)),
  mutator: (corpus, numbers) => new ByteMutator(corpus, numbers, WORDS, LONGEST).mutate,
  open: async () => {
    const stage = new ReplyStage();
    await stage.listen();
    return stage;
  },
};

class ReplyStage implements FuzzStage {
  private readonly folder = new TemporaryFolder();
  private readonly path = this.folder.in('control.sock');
  private readonly client = new ControlClient(this.path);
  private server: Server | undefined;
  private reply: Uint8Array = new Uint8Array();

  async listen(): Promise<void> {
    this.server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(this.reply));
    });
    this.server.listen(this.path);
    await once(this.server, 'listening');
  }

  async run(input: Uint8Array, meter: CpuMeter): Promise<void> {
    const head = `HTTP/1.1 ${(input.length & 1) === 0 ? '200 OK' : '404 Not Found'}\r\nContent-Length: ${input.length}\r\nConnection: close\r\n\r\n`;
    const isWhole = Buffer.from(input.subarray(0, 5)).toString() === 'HTTP/';
    this.reply = isWhole ? input : Buffer.concat([Buffer.from(head), input]);
    const { client } = this;
    const asked = [
      async () => statusTable(await client.status(), input.length % 3 === 0 ? 80 : undefined),
      async () => historyTable(await client.history({})),
      async () => `${(await client.summon('a')).addresses.join('')} ${(await client.stop('a')).name}`.length.toString(),
      async () => String((await client.flush()).flushed),
    ];
    for (const ask of asked) {
      const text = await meter.packet(() =>
        ask().catch((error: unknown) => {
          if (!(error instanceof JitsuError)) throw error;
          return errorReport(error, { stack: false });
        }),
      );
      // eslint-disable-next-line no-control-regex -- they must not be there
      assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/u);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server?.close();
    await Promise.resolve();
    this.folder[Symbol.dispose]();
  }
}
