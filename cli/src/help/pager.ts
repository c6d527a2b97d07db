import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Shows a text in the person's pager: $PAGER, else less, else more. Resolves when they have seen enough.
 * @returns whether there was a pager
 */
export async function throughPager(text: string, env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const candidates = [env['PAGER'], 'less', 'more'].filter((command) => command !== undefined && command !== '');
  const available = candidates.map((command) => `command -v ${command} >/dev/null 2>&1 && exec ${command}`);
  // $PAGER may hold parameters, so a shell reads it (as for man); 127 is the shell's word for "there is none".
  const pager = spawn('sh', ['-c', `${available.join('\n')}\nexit 127`], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { LESS: 'FRX', ...env },
  });
  // Whoever leaves the pager early has not read to the end, which is no error.
  pager.stdin.on('error', () => undefined);
  pager.stdin.end(text);
  try {
    const [status] = (await once(pager, 'close')) as [number | null];
    return status !== 127;
  } catch {
    // No shell either: the caller prints the text.
    return false;
  }
}
