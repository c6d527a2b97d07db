/** That a call of the system has failed, with the code that `SocketCalls.errorCode` gave right behind it. */
export function callError(call: string, code: string): Error {
  return Object.assign(new Error(`${call} ${code}`), { code });
}
