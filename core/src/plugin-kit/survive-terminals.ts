import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * Lets this process end in order after its terminal has gone. At its end Node gives each terminal back the settings that
 * it had, and aborts where that fails. What has taken the place of a terminal by then is nothing to it.
 */
export function surviveTerminals(): void {
  const terminals = [0, 1, 2].filter((file) => isatty(file));
  if (terminals.length === 0) return;
  process.on('exit', () => {
    for (const file of terminals.filter((each) => !isatty(each))) {
      closeSync(file);
      // It gets the lowest number that is free.
      openSync('/dev/null', 'r+');
    }
  });
}
