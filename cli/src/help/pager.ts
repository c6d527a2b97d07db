import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Shows a text in a pager: $PAGER, else less, else more. Resolves when the pager has ended.
 * @returns whether there was a pager
 */
export async function throughPager(text: string, env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const candidates = [env['PAGER'], 'less', 'more'].filter((command) => command !== undefined && command !== '');
  const available = candidates.map((command) => `command -v ${command} >/dev/null 2>&1 && exec ${command}`);
  // $PAGER may have parameters, so a shell runs it (as man does); the shell exits with 127 if there is no such command.
  const pager = spawn('sh', ['-c', `${available.join('\n')}\nexit 127`], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { LESS: 'FRX', ...env },
  });
  // Leaving the pager before it has read the whole text is not an error.
  pager.stdin.on('error', () => undefined);
  pager.stdin.end(text);
  try {
    const [status] = (await once(pager, 'close')) as [number | null];
    return status !== 127;
  } catch {
    // There is no shell; the caller prints the text instead.
    return false;
  }
}
