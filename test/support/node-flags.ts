/**
 * The options of V8 with which this process was started and with which the Node programs that it starts are to be, too:
 * where all of it is emulated, as in the dom0 of the tests, compiling costs more than it gains.
 */
export const nodeFlags: readonly string[] = process.execArgv.filter((word) =>
  ['--no-opt', '--no-sparkplug'].includes(word),
);
