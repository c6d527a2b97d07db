import { addressText } from '@jitsud/core/plugin';
import { readFileSync } from 'node:fs';
import type { TcpConnection, TcpTable } from './tcp-table.js';

/** ESTABLISHED and CLOSE_WAIT, as /proc writes them. */
const OPEN = new Set(['01', '08']);
/** The number of a socket, its local address and port, the same of its peer, and its state. */
const SOCKET = /^\s*\d+: ([\dA-F]{32}|[\dA-F]{8}):([\dA-F]{4}) ([\dA-F]{32}|[\dA-F]{8}):([\dA-F]{4}) ([\dA-F]{2}) /;

/**
 * The TCP connections of Linux by /proc/net/tcp and /proc/net/tcp6, for systems where nothing else can be asked. It does not
 * tell when something was sent last.
 */
export class ProcNetTcp implements TcpTable {
  /** @param read gives the content of a file of /proc/net; empty where there is none */
  constructor(private readonly read: (name: 'tcp' | 'tcp6') => string = readProcNet) {}

  connectionsTo(addresses: readonly string[], port: number): readonly TcpConnection[] {
    const wanted = new Set(addresses);
    return (['tcp', 'tcp6'] as const).flatMap((name) =>
      [...linesOf(this.read(name))]
        .filter(({ local, localPort, state }) => localPort === port && OPEN.has(state) && wanted.has(local))
        .map(({ peer, peerPort }) => ({ peer, peerPort })),
    );
  }
}

function readProcNet(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'latin1');
  } catch (error) {
    // A system without IPv6 has no tcp6.
    if (name !== 'tcp' && (error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

interface SocketLine {
  readonly local: string;
  readonly localPort: number;
  readonly peer: string;
  readonly peerPort: number;
  readonly state: string;
}

function* linesOf(text: string): Iterable<SocketLine> {
  for (const line of text.split('\n')) {
    const [, local = '', localPort = '', peer = '', peerPort = '', state = ''] = SOCKET.exec(line) ?? [];
    if (state === '') continue;
    yield {
      local: addressText(fromHex(local)),
      localPort: parseInt(localPort, 16),
      peer: addressText(fromHex(peer)),
      peerPort: parseInt(peerPort, 16),
      state,
    };
  }
}

/** The bytes of an address. /proc writes each 32 bits of it as a number of a machine with the low byte first. */
function fromHex(hex: string): Uint8Array {
  return Buffer.from(hex.replace(/(..)(..)(..)(..)/g, '$4$3$2$1'), 'hex');
}
