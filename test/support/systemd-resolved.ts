import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, finishedFoldersIn, makeAtOnce } from './cache-folder.js';
import { cannotRun } from './cannot-run.js';
import { findProgram } from './find-program.js';
import { unpackPackage, withPackageLists } from './guest/debian-package.js';
import { NameDaemon } from './name-daemon.js';
import type { NetworkNamespace } from './network-namespace.js';
import { requireTool } from './require-tool.js';

/** Where it answers stub resolvers: port 53 of this address. */
export const RESOLVED_STUB = '127.0.0.53';

const PACKAGES = ['systemd-resolved', 'libsystemd-shared'];
const USER = 990;

/** Gives it a /run and a user of its own, which nobody outside of its mount namespace sees, and becomes it. */
const SCRIPT = `
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/resolve /run/systemd/resolved.conf.d
printf '[Resolve]\\n%s\\nFallbackDNS=\\nLLMNR=no\\nMulticastDNS=no\\nDNSSEC=no\\n' "$1" \
  > /run/systemd/resolved.conf.d/test.conf
{ grep -v ^systemd-resolve: /etc/passwd; echo systemd-resolve:x:${USER}:${USER}::/:/usr/sbin/nologin; } > /run/passwd
{ grep -v ^systemd-resolve: /etc/group; echo systemd-resolve:x:${USER}:; } > /run/group
mount --bind /run/passwd /etc/passwd
mount --bind /run/group /etc/group
chown ${USER}:${USER} /run/systemd/resolve
exec "$0"
`;

/**
 * Starts systemd-resolved in a network namespace, by default with 127.0.0.1 as its only server. Its package is unpacked and not
 * installed, because that would change the machine's own /etc/resolv.conf. Call it in a `before` hook; the suite is
 * skipped where it cannot run.
 */
export async function startSystemdResolved(
  context: Mocha.Context,
  namespace: NetworkNamespace,
  settings: readonly string[] = ['DNS=127.0.0.1', 'Domains=~.'],
): Promise<NameDaemon> {
  const unshare = requireTool(context, 'unshare');
  if (findProgram('apt-get') === undefined) cannotRun(context, 'systemd-resolved comes in a Debian package');
  const { program, libraries } = await prepared().catch((error: unknown) =>
    cannotRun(context, `systemd-resolved does not run here: ${String(error)}`),
  );
  // It asks nobody before some interface has an address that could lead out; these two only lead to each other.
  await namespace.run('ip', 'link', 'add', 'out', 'type', 'veth', 'peer', 'name', 'nowhere');
  for (const end of ['out', 'nowhere']) await namespace.run('ip', 'link', 'set', end, 'up');
  await namespace.run('ip', 'address', 'add', '10.99.0.1/24', 'dev', 'out');
  const env = { ...process.env, LD_LIBRARY_PATH: libraries };
  return NameDaemon.start(
    unshare,
    () => ['--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, program, settings.join('\n')],
    {
      place: { spawn: (path, parameters, options) => namespace.spawn(path, parameters, { ...options, env }) },
      port: 53,
    },
  );
}

async function prepared(): Promise<{ readonly program: string; readonly libraries: string }> {
  const folders = cacheFolder('systemd-resolved');
  const folder = join(folders, process.arch);
  if (!(await finishedFoldersIn(folders)).includes(process.arch)) {
    await withPackageLists(() =>
      makeAtOnce(folder, async (unfinished) => {
        for (const name of PACKAGES) await unpackPackage(name, join(unfinished, name));
      }),
    );
  }
  const [program, libraries] = [
    join(folder, 'systemd-resolved/lib/systemd/systemd-resolved'),
    join(folder, 'libsystemd-shared/usr/lib', `${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-gnu/systemd`),
  ];
  await promisify(execFile)(program, ['--version'], { env: { ...process.env, LD_LIBRARY_PATH: libraries } });
  return { program, libraries };
}
