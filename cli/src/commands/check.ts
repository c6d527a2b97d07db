import type { Settings } from '@jitsud/core';
import type { CommandContext } from '../command-context.js';
import type { StartChoice } from '../command-line.js';
import { ExitStatus } from '../exit-status.js';
import { settingsSummary } from '../output/settings-summary.js';
import { startRequest } from '../start-request.js';

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
  const { foretoldUser, sharedEndpoints } = jitsu;
  const memoryOf = (unikernel: Settings['unikernels'][number]): number | undefined =>
    core.unikernelMemory(settings, unikernel);
  const findings = offline ? undefined : await jitsu.check();
  terminal.out(
    settingsSummary(settings, core.exposures(settings), terminal.columns, {
      foretoldUser,
      sharedEndpoints,
      findings,
      memoryOf,
    }),
  );
  return findings?.some(({ isWarning }) => isWarning !== true) === true ? ExitStatus.failed : ExitStatus.ok;
}
