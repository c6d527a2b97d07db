import { writeFileSync } from 'node:fs';
import { findProgram } from './find-program.js';
import { lightProgram } from './light-program.js';
import { TemporaryFolder } from './temporary-folder.js';

/** Without the module Socket, which alone would cost five times as much; the numbers are those of Linux. */
const IN_PERL = `my ($address, $port, $delay) = @ARGV; select(undef, undef, undef, $delay / 1000);
my ($AF_INET, $SOCK_STREAM, $SOL_SOCKET, $SO_REUSEADDR) = (2, 1, 1, 2);
socket(my $server, $AF_INET, $SOCK_STREAM, 0); setsockopt($server, $SOL_SOCKET, $SO_REUSEADDR, 1);
bind($server, pack('S n N x8', $AF_INET, $port, $address)) or die; listen($server, 64);
while (1) { accept(my $client, $server) and close $client }`;

/**
 * A program that takes TCP connections, at once closed again, some time after its start: of so little cost that
 * hundreds can boot, and what is measured is not their own start. Disposed, its file is gone.
 */
export class LightGuest implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly #words: readonly string[];

  constructor() {
    if (process.platform === 'linux' && process.arch === 'x64') {
      const file = this.#folder.in('guest');
      writeFileSync(file, lightProgram(), { mode: 0o755 });
      this.#words = [file];
    } else {
      // Some milliseconds of the processor for each start.
      this.#words = [findProgram('perl') ?? 'perl', '-e', IN_PERL];
    }
  }

  /** The command line of one that listens on this IPv4 address and port `delay` milliseconds after its start. */
  command(address: string, port: number, delay: number): string[] {
    const number = address.split('.').reduce((value, part) => value * 256 + Number(part), 0);
    return [...this.#words, ...[number, port, delay].map(String)];
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
