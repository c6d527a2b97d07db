import { findProgram } from './find-program.js';

/** Without the module Socket, which alone would cost five times as much; the numbers are those of Linux. */
const IN_PERL = `my ($address, $port, $delay) = @ARGV; select(undef, undef, undef, $delay / 1000);
my ($AF_INET, $SOCK_STREAM, $SOL_SOCKET, $SO_REUSEADDR) = (2, 1, 1, 2);
socket(my $server, $AF_INET, $SOCK_STREAM, 0); setsockopt($server, $SOL_SOCKET, $SO_REUSEADDR, 1);
bind($server, pack('S n C4 x8', $AF_INET, $port, split(/\\./, $address))) or die; listen($server, 64);
while (1) { accept(my $client, $server) and close $client }`;

const IN_NODE = `const [address, port, delay] = process.argv.slice(1);
setTimeout(() => require('node:net').createServer((socket) => socket.destroy()).listen(+port, address), +delay)`;

/**
 * The command line of a program that takes TCP connections, at once closed again, after `delay` milliseconds. Where
 * there is Perl, as on every Debian, it costs a few milliseconds of processor time, so that hundreds can boot.
 */
export function lightGuest(address: string, port: number, delay: number): string[] {
  const parameters = [address, port, delay].map(String);
  const perl = process.platform === 'linux' ? findProgram('perl') : undefined;
  return perl === undefined ? [process.execPath, '-e', IN_NODE, ...parameters] : [perl, '-e', IN_PERL, ...parameters];
}
