import { findTool } from './find-tool.js';

const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The words of a shell that hands on these variables to what it executes. One whose name no shell takes is kept by bash;
 * a plain shell would leave it out.
 */
export function shellThatKeeps(variables: NodeJS.ProcessEnv): readonly string[] {
  const bash = Object.keys(variables).every((name) => SHELL_NAME.test(name)) ? undefined : findTool('bash');
  return bash === undefined ? [findTool('sh') ?? '/bin/sh'] : [bash, '-p'];
}
