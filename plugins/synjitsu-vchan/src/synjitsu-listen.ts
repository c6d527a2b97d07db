import {
  CLOCK,
  inject,
  optionsOf,
  untilAborted,
  type Clock,
  type Command,
  type CommandTerminal,
} from '@jitsud/core/plugin';
import { z } from 'zod';
import { SYNJITSU_PORT } from './channel-path.js';
import { Receiver } from './receiver.js';
import { decodeRecord } from './record.js';

export const listenOptions = z.object({
  from: z.int().min(0).max(65_535).default(0).describe('The number of the domain in which Jitsu runs'),
  port: z
    .string()
    .regex(/^[\w-]{1,32}$/, 'Letters, digits, - and _ expected.')
    .default(SYNJITSU_PORT)
    .describe('The name of the port'),
  count: z.int().min(1).optional().describe('End after so many records'),
  json: z
    .boolean()
    .default(false)
    .describe('Print an object of JSON a line, with the bytes of the record in hexadecimal'),
});

type ListenOptions = z.output<typeof listenOptions>;

/** `jitsu synjitsu-listen`: a stand-in for Synjitsu, which prints what a Jitsu sends. */
export class SynjitsuListen implements Command {
  constructor(
    @inject(optionsOf(listenOptions)) private readonly options: ListenOptions,
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws JITSU_NOTIFIER_FAILED where listening is impossible */
  async run(terminal: CommandTerminal, signal: AbortSignal): Promise<void> {
    const { from: domain, port, count = Infinity, json } = this.options;
    let received = 0;
    const enough = new AbortController();
    await using receiver = new Receiver({
      ...{ domain, port },
      onRecord: (bytes) => {
        if (received >= count) return;
        received += 1;
        terminal.out(json ? this.#jsonLine(bytes) : this.#line(bytes));
        if (received === count) enough.abort();
      },
      onState: (state) => terminal.err(`${STATES[state](port, domain)}\n`),
    });
    const end = AbortSignal.any([signal, enough.signal]);
    await untilAborted(receiver.ended, end).catch((error: unknown) => {
      if (!end.aborted) throw error;
    });
  }

  #line(bytes: Uint8Array): string {
    const { mac, address } = decodeRecord(bytes);
    return `${new Date(this.clock.wallTime()).toISOString()}  ${mac}  ${address}\n`;
  }

  #jsonLine(bytes: Uint8Array): string {
    const record = { at: this.clock.wallTime(), ...decodeRecord(bytes), bytes: Buffer.from(bytes).toString('hex') };
    return `${JSON.stringify(record)}\n`;
  }
}

const STATES = {
  listening: (port: string, domain: number) => `listening on the port ${port} for domain ${domain}`,
  connected: (_port: string, domain: number) => `domain ${domain} has connected`,
  disconnected: (_port: string, domain: number) => `domain ${domain} has gone`,
} as const;
