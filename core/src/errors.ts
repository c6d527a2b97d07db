/** Every code that a {@link JitsuError} can carry; docs/errors.md explains each. */
export type JitsuErrorCode =
  | 'JITSU_CONFIG_INVALID'
  | 'JITSU_CONFIG_UNREADABLE'
  | 'JITSU_CONFIG_NOT_FOUND'
  | 'JITSU_CONFIG_UNSAFE'
  | 'JITSU_PLUGIN_NOT_FOUND'
  | 'JITSU_PLUGIN_INVALID'
  | 'JITSU_PLUGIN_UNSAFE'
  | 'JITSU_PLUGIN_INCOMPATIBLE'
  | 'JITSU_BACKEND_UNREACHABLE'
  | 'JITSU_BACKEND_DENIED'
  | 'JITSU_BACKEND_FAILED'
  | 'JITSU_ROOT_GIVEN_UP'
  | 'JITSU_UNIKERNEL_UNKNOWN'
  | 'JITSU_UNIKERNEL_REMOVED'
  | 'JITSU_STOP_MODE_UNSUPPORTED'
  | 'JITSU_UNIKERNEL_INVALID'
  | 'JITSU_UNIKERNEL_UNAVAILABLE'
  | 'JITSU_SUMMON_DEADLINE'
  | 'JITSU_SERVICE_UNREADY'
  | 'JITSU_SUMMON_DIED'
  | 'JITSU_SUMMON_FAILED'
  | 'JITSU_NEED_FAILED'
  | 'JITSU_ADDRESS_IN_USE'
  | 'JITSU_SUMMON_BACKING_OFF'
  | 'JITSU_BOOT_QUEUE_FULL'
  | 'JITSU_STOPPED_BY_COMMAND'
  | 'JITSU_SHUTTING_DOWN'
  | 'JITSU_NOTIFIER_FAILED'
  | 'JITSU_DOORMAN_DENIED'
  | 'JITSU_DOORMAN_FAILED'
  | 'JITSU_FORWARD_FAILED'
  | 'JITSU_FORWARD_UNREACHABLE'
  | 'JITSU_FORWARD_OVERLOADED'
  | 'JITSU_LISTEN_FAILED'
  | 'JITSU_STORE_UNREADABLE'
  | 'JITSU_STORE_IN_USE'
  | 'JITSU_OUT_OF_RESOURCES'
  | 'JITSU_CONTROL_FAILED'
  | 'JITSU_NOT_RUNNING'
  | 'JITSU_ALREADY_RUNNING';

/**
 * Every error that Jitsu raises on purpose: a stable code, and a message that says what happened, to what, and what to
 * do about it.
 */
export class JitsuError extends Error {
  /** Whether it is one, also of another copy of this module, as a plugin may bring its own @jitsud/core. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // Classes that extend this one inherit the method.
    if (this !== JitsuError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return value instanceof Error && value.name === 'JitsuError' && 'code' in value;
  }

  override readonly name = 'JitsuError';

  constructor(
    readonly code: JitsuErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Why nothing new is begun any more. */
export function shuttingDown(): JitsuError {
  return new JitsuError('JITSU_SHUTTING_DOWN', 'Jitsu is shutting down. Ask again when it is back.');
}

/** The code of an error of any origin: ours, Node's (`ENOENT`), or none. */
export function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** What the system has no more of, by the code of its error, and what to do. */
const SCARCE: ReadonlyMap<string | undefined, string> = new Map([
  ['EMFILE', 'this process may open no more files: raise its limit, LimitNOFILE of a unit or ulimit -n'],
  ['ENFILE', 'the machine has no room for more open files: raise fs.file-max'],
  ['ENOSPC', 'the disk is full, or has no inode left: make room there'],
  ['EDQUOT', 'the quota is used up: raise it, or make room there'],
]);

/** Whether something could not be written since there is no room for it. */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '');
}

/** What could not be done as the system has no more of something gets a code of ours; any other error is left as it is. */
export function withOwnCode(error: unknown): unknown {
  if (!SCARCE.has(errorCode(error))) return error;
  return new JitsuError('JITSU_OUT_OF_RESOURCES', `${errorMessage(error)}.`, { cause: error });
}

/**
 * The message of anything thrown. What a library wraps says little by itself ("fetch failed"), so that the message of
 * its cause, or the code of a cause without one, follows. Where the system has no more of something, the place follows
 * and what to do. The message of a JitsuError is whole as it is.
 */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const message = withAdvice(error);
  // By the code, since a plugin may have another copy of the core than this one.
  if (!(cause instanceof Error) || errorCode(error)?.startsWith('JITSU_') === true) return message;
  const why = cause.message === '' ? (errorCode(cause) ?? '') : cause.message;
  return message.includes(why) ? message : `${message}: ${why}`;
}

function withAdvice(error: Error): string {
  const { message } = error;
  const advice = SCARCE.get(errorCode(error));
  if (advice === undefined) return message;
  const place =
    'path' in error && typeof error.path === 'string' && !message.includes(error.path) ? ` ${error.path}` : '';
  return `${message}${place} (${advice})`;
}
