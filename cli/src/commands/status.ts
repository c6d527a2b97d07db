import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlContext } from '../command-context.js';
import type { StatusChoice } from '../command-line.js';
import { locateControl } from '../control-location.js';
import { errorReport } from '../error-report.js';
import { ExitStatus } from '../exit-status.js';
import { historyTable } from '../output/history-table.js';
import { statusTable } from '../output/status-table.js';

const DEFAULT_INTERVAL = 2;
const CLEAR_SCREEN = '\x1b[H\x1b[2J\x1b[3J';

/**
 * `jitsu status [NAME]`: prints what a running Jitsu serves, one unikernel with its last output, or the history, once or
 * repeatedly until the signal aborts.
 * @throws JITSU_NOT_RUNNING, JITSU_CONTROL_FAILED, JITSU_UNIKERNEL_UNKNOWN without `watch`
 */
export async function status(
  { core, terminal, directory }: ControlContext,
  name: string | undefined,
  choice: StatusChoice,
  signal?: AbortSignal,
): Promise<ExitStatus> {
  const { socket } = await locateControl(core, directory, choice);
  const client = core.controlClient(socket);
  const { watch } = choice;

  const render = async (): Promise<string> => {
    if (choice.history !== undefined) {
      const unikernel = choice.history === true ? name : choice.history;
      const events = await client.history({ ...(unikernel !== undefined && { unikernel }), limit: choice.limit });
      return choice.json ? json(events, watch) : historyTable(events);
    }
    const report = await (name === undefined ? client.status() : client.statusOf(name));
    return choice.json ? json(report, watch) : statusTable(report, terminal.columns);
  };

  if (watch === undefined) {
    terminal.out(await render());
    return ExitStatus.ok;
  }
  const interval = (watch === true ? DEFAULT_INTERVAL : watch) * 1_000;
  const redraws = terminal.interactive && !choice.json;
  while (!signal?.aborted && !terminal.closed) {
    try {
      const text = await render();
      terminal.out(redraws ? `${CLEAR_SCREEN}${text}` : choice.json ? text : `${text}\n`);
    } catch (error) {
      // Jitsu may be restarting, so watching continues.
      terminal.err(errorReport(error, { stack: false }));
    }
    await sleep(interval, undefined, { signal }).catch(() => undefined);
  }
  return ExitStatus.ok;
}

/** Indented JSON for a single report; one line per report when watching. */
function json(value: unknown, watch: StatusChoice['watch']): string {
  return `${JSON.stringify(value, undefined, watch === undefined ? 2 : 0)}\n`;
}
