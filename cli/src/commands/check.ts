import type { CommandContext } from '../command-context.js';
import type { StartChoice } from '../command-line.js';
import { ExitStatus } from '../exit-status.js';
import { settingsSummary } from '../output/settings-summary.js';
import { startRequest } from '../start-request.js';

/**
 * `jitsu check`: reads the configuration as `jitsu start` does, and says what it would serve; or writes its JSON schema.
 * @throws what reading it throws
 */
export async function check(
  { core, terminal, directory }: CommandContext,
  words: readonly string[],
  { schema, ...choice }: StartChoice & { readonly schema?: true },
): Promise<ExitStatus> {
  if (schema) {
    terminal.out(`${JSON.stringify(await core.configurationSchema({ directory }), undefined, 2)}\n`);
    return ExitStatus.ok;
  }
  const settings = await core.loadSettings(startRequest(directory, words, choice));
  // Putting everything together opens nothing, and objects to what no schema can know, such as an unsupported stop mode.
  await core.createJitsu(settings, { logger: core.createLogger({ level: 'silent' }) });
  terminal.out(settingsSummary(settings, core.exposures(settings), terminal.columns));
  return ExitStatus.ok;
}
