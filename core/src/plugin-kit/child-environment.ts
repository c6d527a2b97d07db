/**
 * The variables by which systemd informs Jitsu, and which must not reach the programs that it runs (sd_notify(3),
 * sd_listen_fds(3)).
 */
const SYSTEMD_VARIABLES = [
  'NOTIFY_SOCKET',
  'WATCHDOG_PID',
  'WATCHDOG_USEC',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
  'MAINPID',
];

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Where programs are, and how to write languages and times. */
const HARMLESS = /^(PATH|LANG|LANGUAGE|TZ|LC_.*)$/;

/** What belongs to the user. */
export const OF_USER = /^(HOME|USER|LOGNAME|SHELL|TMPDIR)$/;

/** The variables of Jitsu that a child gets which is to know none of its secrets. */
export function minimalEnvironment(): NodeJS.ProcessEnv {
  return { PATH: SYSTEM_PATH, ...variables((name) => HARMLESS.test(name)) };
}

/** The same for a child that runs as Jitsu's own user. */
export function userEnvironment(): NodeJS.ProcessEnv {
  return { PATH: SYSTEM_PATH, ...variables((name) => HARMLESS.test(name) || OF_USER.test(name)) };
}

/** All but those that are for Jitsu alone. Its own settings and passwords have names that begin with JITSU_. */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  return variables((name) => !name.startsWith('JITSU_') && !SYSTEMD_VARIABLES.includes(name));
}

function variables(isWanted: (name: string) => boolean): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isWanted(name)));
}
