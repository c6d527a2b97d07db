import { cannotRun } from './cannot-run.js';
import { findProgram } from './find-program.js';
import { SYSTEM_TOOLS, type SystemTool } from './system-tools.js';

/**
 * The path of a program without which a suite cannot run; call it in a `before` hook:
 *
 *     before(function () {
 *       dig = requireTool(this, 'dig');
 *     });
 */
export function requireTool(context: Mocha.Context | undefined, tool: SystemTool): string {
  return (
    findProgram(tool) ?? cannotRun(context, `${tool} is not installed (Debian: apt-get install ${SYSTEM_TOOLS[tool]})`)
  );
}

/** Skips a suite that only root can run; call it in a `before` hook. */
export function requireRoot(context: Mocha.Context | undefined): void {
  if (process.getuid?.() !== 0) cannotRun(context, 'only root can run it');
}
