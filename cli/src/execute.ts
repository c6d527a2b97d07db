import type { CommandLine } from './command-line.js';
import type { ExitStatus } from './exit-status.js';
import { loadControl, loadCore } from './load-core.js';
import type { Terminal } from './terminal.js';

/** Executes the command with the real core; only the command's own code is loaded. */
export async function execute(line: CommandLine, terminal: Terminal): Promise<ExitStatus> {
  const directory = process.cwd();
  if (line.command === 'resolve') {
    const { resolve } = await import('./commands/resolve.js');
    return resolve({ core: loadControl, terminal, directory }, line.name, line.type, line.options);
  }
  const asking = async () => ({ core: await loadControl(), terminal, directory });
  const context = async () => ({ core: await loadCore(), terminal, directory });
  switch (line.command) {
    case 'start': {
      const [{ start }, { processEnd }] = await Promise.all([
        import('./commands/start.js'),
        import('./process-end.js'),
      ]);
      // npm tells its child processes how it was called.
      const calledAs = process.env['npm_command'] === 'exec' ? 'npx jitsu' : 'jitsu';
      return start({ ...(await context()), end: processEnd, calledAs }, line.words, line.options);
    }
    case 'check': {
      const { check } = await import('./commands/check.js');
      return check(await context(), line.words, line.options);
    }
    case 'status': {
      const { status } = await import('./commands/status.js');
      return status(await asking(), line.name, line.options);
    }
    case 'summon': {
      const { summon } = await import('./commands/summon.js');
      return summon(await asking(), line.name, line.options);
    }
    case 'stop': {
      const { stop } = await import('./commands/stop.js');
      return stop(await asking(), line.name, line.options);
    }
    case 'keep': {
      const { keep } = await import('./commands/keep.js');
      return keep(await asking(), line.name, line.options);
    }
    case 'flush': {
      const { flush } = await import('./commands/flush.js');
      return flush(await asking(), line.name, line.options);
    }
    case 'plugins': {
      const { plugins } = await import('./commands/plugins.js');
      return plugins(await context(), line.options);
    }
  }
}
