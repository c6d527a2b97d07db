/** The error of a failed system call, with the code that `SocketCalls.errorCode` returned directly after it. */
export function callError(call: string, code: string): Error {
  return Object.assign(new Error(`${call} ${code}`), { code });
}
