import { existsSync } from 'node:fs';
import { runCommand } from './run-command.mjs';

/**
 * Installs the Debian packages of the tools that are missing, saying which; where we are not root or apt is not there,
 * it does nothing, and the suites that miss a tool say so themselves. The services that such packages bring (name
 * servers, for example) are not started: the suites start what they need themselves.
 *
 * @param {Readonly<Record<string, string>>} tools the packages of each tool, separated by spaces
 * @param {(tool: string) => string | undefined} findProgram
 */
export async function installSystemPackages(tools, findProgram) {
  const missing = Object.keys(tools).filter((tool) => findProgram(tool) === undefined);
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  const packages = [...new Set(missing.flatMap((tool) => tools[tool].split(' ')))];
  console.log(`Installing ${packages.join(', ')} for ${missing.join(', ')}`);
  const aptGet = (...words) =>
    runCommand('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...words], {
      // Where systemd runs, systemctl(1) then takes it that it does not, and starts nothing.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const install = () => aptGet('install', '-y', '--no-install-recommends', ...packages);
  // The lists of packages may be missing or old: they are only fetched when it fails without.
  if ((await install()) === 0) return;
  console.log('Fetching the lists of packages, and trying once more');
  await aptGet('update');
  if ((await install()) !== 0) console.log(`apt-get could not install ${packages.join(', ')}`);
}
