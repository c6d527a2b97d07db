import { fileURLToPath } from 'node:url';
import { loadCore } from '../load-core.js';
import type { Terminal } from '../terminal.js';
import { version } from '../version.js';
import { groffManual } from './groff-manual.js';
import type { HelpRequest } from './help-request.js';
import { installedManifests } from './installed-manifests.js';
import { manual } from './manual.js';
import { throughPager } from './pager.js';
import { plainManual } from './plain-manual.js';

/** Shows the manual page of jitsu: as text, as the source of a man page, or on a terminal in a pager. */
export async function showManual(format: HelpRequest['format'], terminal: Terminal): Promise<void> {
  // The plugins that are installed beside the command, wherever that is. Those of the folder in which it is called may
  // be anybody's.
  const beside = fileURLToPath(new URL('../..', import.meta.url));
  const options =
    (await installedManifests([beside])) ?? (await (await loadCore()).unikernelOptions({ directory: beside }));
  const page = manual(version(), options);
  if (format === 'groff') {
    terminal.out(groffManual(page));
    return;
  }
  const text = plainManual(page, terminal.columns);
  const isShown = format === 'pager' && terminal.interactive && (await throughPager(text));
  if (!isShown) terminal.out(text);
}
