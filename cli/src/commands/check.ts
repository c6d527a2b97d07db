import type { Settings } from '@jitsud/core';
import type { CommandContext } from '../command-context.js';
import type { StartChoice } from '../command-line.js';
import { ExitStatus } from '../exit-status.js';
import { settingsSummary } from '../output/settings-summary.js';
import { startRequest } from '../start-request.js';

const NO_TIMES: ReadonlyMap<string, number> = new Map();

/** How long unikernels usually take until they are ready: the Jitsu that runs by this configuration knows it. */
async function usualTimes(core: CommandContext['core'], socket: string): Promise<ReadonlyMap<string, number>> {
  const report = await core
    .controlClient(socket)
    .status()
    // None runs, or it belongs to somebody else.
    .catch(() => undefined);
  return new Map(
    report?.unikernels.flatMap(({ name, usuallyReadyIn }) =>
      usuallyReadyIn === undefined ? [] : [[name, usuallyReadyIn] as const],
    ),
  );
}

/**
 * `jitsu check`: reads the configuration as `jitsu start` does, asks the backends, and prints what it would serve, or
 * prints its JSON Schema. Fails where a start would not find something now.
 * @throws the errors of reading the configuration
 */
export async function check(
  { core, terminal, directory }: CommandContext,
  words: readonly string[],
  { schema, offline, ...choice }: StartChoice & { readonly schema?: true; readonly offline?: true },
): Promise<ExitStatus> {
  if (schema) {
    terminal.out(`${JSON.stringify(await core.configurationSchema({ directory }), undefined, 2)}\n`);
    return ExitStatus.ok;
  }
  const settings = await core.loadSettings(startRequest('check', directory, words, choice));
  // Creating Jitsu opens nothing, but refuses what no schema can check, such as an unsupported stop mode.
  const jitsu = await core.createJitsu(settings, {
    logger: core.createLogger({ level: 'silent' }),
    givesUpRoot: true,
  });
  const { foretoldUser } = jitsu;
  const sharedEndpoints = [...jitsu.sharedEndpoints, ...core.sharedPorts(settings)];
  const byQueriesAlone = core.keptByQueriesAlone(settings.unikernels, (backend) => jitsu.knowsTraffic(backend));
  const memoryOf = (unikernel: Settings['unikernels'][number]): number | undefined =>
    core.unikernelMemory(settings, unikernel);
  const times = offline ? NO_TIMES : await usualTimes(core, settings.controlSocket);
  const shortDeadlines = core.shortDeadlines(settings.unikernels, (name) => times.get(name));
  const findings = offline ? undefined : await jitsu.check();
  terminal.out(
    settingsSummary(settings, core.exposures(settings), terminal.columns, {
      foretoldUser,
      sharedEndpoints,
      shortDeadlines,
      byQueriesAlone,
      findings,
      memoryOf,
      heldBy: (unikernel) => core.heldBy(settings, unikernel, (probe) => jitsu.portOf(probe)),
    }),
  );
  return findings?.some(({ isWarning }) => isWarning !== true) === true ? ExitStatus.failed : ExitStatus.ok;
}
