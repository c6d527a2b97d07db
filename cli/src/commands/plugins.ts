import type { CommandContext } from '../command-context.js';
import { ExitStatus } from '../exit-status.js';
import { pluginList } from '../output/plugin-list.js';

/** `jitsu plugins`: lists the installed plugins, and why any of them cannot be used. */
export async function plugins(
  { core, terminal, directory }: CommandContext,
  { json }: { readonly json?: true },
): Promise<ExitStatus> {
  const { builtIns, plugins: installed } = await core.loadRegistry({ directory });
  const shown = json
    ? `${JSON.stringify({ builtIns, plugins: installed }, undefined, 2)}\n`
    : pluginList(builtIns, installed, terminal.columns);
  terminal.out(shown);
  return ExitStatus.ok;
}
