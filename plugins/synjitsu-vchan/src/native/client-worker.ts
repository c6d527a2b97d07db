/** A thread that holds one channel to a Synjitsu, and makes the calls on it. Each call ends within a second or so. */
import { parentPort } from 'node:worker_threads';
import { LIBRARY_MISSING, loadVchan, type Pointer, type VchanLibrary } from './vchan-library.js';

export type ClientRequest =
  | { readonly operation: 'load' }
  | { readonly operation: 'connect'; readonly domain: number; readonly path: string }
  | { readonly operation: 'is-open' }
  | { readonly operation: 'send'; readonly bytes: Uint8Array }
  | { readonly operation: 'close' };

export type ClientReply =
  | { readonly outcome: 'done' | 'lost' | 'full' }
  /** `errno` is 0 where the library reported none. */
  | { readonly outcome: 'refused'; readonly errno: number }
  | { readonly outcome: 'library-missing' | 'defect'; readonly message: string };

/** How long a Synjitsu that does not read may take to make room, in milliseconds. */
const SEND_TIMEOUT = 1_000;
const PAUSE = 50;

const DONE: ClientReply = { outcome: 'done' };

let library: VchanLibrary | undefined;
let channel: Pointer | undefined;

function perform(request: ClientRequest): ClientReply {
  library ??= loadVchan();
  switch (request.operation) {
    case 'load':
      return DONE;
    case 'connect':
      close(library);
      channel = library.connect(request.domain, request.path);
      return channel === undefined ? { outcome: 'refused', errno: library.errno() } : DONE;
    case 'is-open':
      return isOpen(library) ? DONE : { outcome: 'lost' };
    case 'send':
      return send(library, request.bytes);
    case 'close':
      close(library);
      return DONE;
  }
}

function isOpen(vchan: VchanLibrary): boolean {
  return channel !== undefined && vchan.isOpen(channel) === 1;
}

function send(vchan: VchanLibrary, bytes: Uint8Array): ClientReply {
  const deadline = performance.now() + SEND_TIMEOUT;
  while (channel !== undefined && isOpen(vchan)) {
    const outcome = vchan.trySend(channel, bytes);
    if (outcome === 'sent') return DONE;
    if (outcome === 'failed') return { outcome: 'lost' };
    if (performance.now() > deadline) return { outcome: 'full' };
    vchan.waitForEvent(channel, PAUSE);
  }
  return { outcome: 'lost' };
}

function close(vchan: VchanLibrary): void {
  if (channel !== undefined) vchan.close(channel);
  channel = undefined;
}

function reply(request: ClientRequest): ClientReply {
  try {
    return perform(request);
  } catch (error) {
    const { message, code } = error as { message?: string; code?: string };
    return { outcome: code === LIBRARY_MISSING ? 'library-missing' : 'defect', message: message ?? String(error) };
  }
}

parentPort?.on('message', (request: ClientRequest) => parentPort?.postMessage(reply(request)));
