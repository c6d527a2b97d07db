/**
 * A main process that gives up root: it has the process of root started, becomes nobody, and then takes the steps that
 * its parent wants.
 */
import { SealedHost } from '#libxl/sealed/sealed-host.js';
import type { FixedPlan, Guest } from '#libxl/guest.js';
import type { Seal } from '#libxl/sealed/messages.js';
import { MemoryLogger } from '../memory-logger.js';

export interface SealedMainRequest {
  readonly plan: FixedPlan;
  readonly step: keyof Guest;
  readonly parameters: readonly unknown[];
}

export type SealedMainReply = { readonly result?: unknown } | { readonly error: string; readonly log: string[] };

const NOBODY = 65_534;

const logger = new MemoryLogger();
process.once('message', (seal: Seal) => void serve(seal));

async function serve(seal: Seal): Promise<void> {
  const host = new SealedHost(seal, logger, { onChange: () => undefined, onLost: () => undefined });
  await host.open();
  process.setgroups?.([]);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
  process.on('message', (request: SealedMainRequest) => void perform(host, request));
  process.send?.({ result: host.pid });
  process.once('disconnect', () => void host.close());
}

async function perform(host: SealedHost, { plan, step, parameters }: SealedMainRequest): Promise<void> {
  try {
    const guest = host.guest(plan) as unknown as Readonly<Record<string, (...parameters: unknown[]) => unknown>>;
    process.send?.({ result: await guest[step]?.(...parameters) } satisfies SealedMainReply);
  } catch (error) {
    process.send?.({ error: String(error), log: logger.lines } satisfies SealedMainReply);
  }
}
