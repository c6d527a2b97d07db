import type { JitsuErrorCode } from '@jitsud/core/plugin';

/** Failures of a login, and of calls without permission. */
const DENIED: ReadonlySet<string> = new Set([
  'SESSION_AUTHENTICATION_FAILED',
  'SESSION_AUTHORIZATION_FAILED',
  'USER_IS_NOT_LOCAL_SUPERUSER',
  'RBAC_PERMISSION_DENIED',
  'PERMISSION_DENIED',
  'LICENCE_RESTRICTION',
  'FEATURE_RESTRICTED',
]);

/** Failures after which no other call of the session can succeed. */
const ENDS_SESSION: ReadonlySet<string> = new Set([
  'SESSION_INVALID',
  'SESSION_AUTHENTICATION_FAILED',
  'HOST_IS_SLAVE',
  'HOST_STILL_BOOTING',
  'HOST_HAS_NO_MANAGEMENT_IP',
  'HOST_MASTER_CANNOT_TALK_BACK',
]);

const ADVICE: Readonly<Record<string, string>> = {
  SESSION_AUTHENTICATION_FAILED: 'Are the user and the password right?',
  RBAC_PERMISSION_DENIED: 'Give the user a role that may start and stop VMs (vm-operator or above).',
  PERMISSION_DENIED: 'Give the user a role that may start and stop VMs (vm-operator or above).',
  HANDLE_INVALID: 'Was it deleted? Name a VM that the pool has.',
  UUID_INVALID: 'Was it deleted? Name a VM that the pool has.',
  VM_BAD_POWER_STATE: 'Somebody else may be busy with it.',
  OTHER_OPERATION_IN_PROGRESS: 'It was tried again several times; see `xe task-list` for what takes so long.',
  OPERATION_NOT_ALLOWED: 'See what blocks it: `xe vm-param-get param-name=blocked-operations`.',
  OPERATION_BLOCKED: 'See what blocks it: `xe vm-param-get param-name=blocked-operations`.',
  HOST_NOT_ENOUGH_FREE_MEMORY: 'Stop another VM, or give this one less memory.',
  NO_HOSTS_AVAILABLE:
    'No host of the pool can run it: memory, storage and networks decide (`xe vm-vif-list`, `xe vm-disk-list`).',
  HOST_OFFLINE: 'Start the host, or leave out the option `host`.',
  HOST_DISABLED: 'Enable the host (`xe host-enable`), or leave out the option `host`.',
  VM_IS_TEMPLATE: 'Templates cannot run: make a VM of it.',
  SR_BACKEND_FAILURE_46: 'A disk of it is in use or missing.',
  VM_REQUIRES_SR: 'A disk of it is on storage that no available host has.',
  VM_HAS_NO_SUSPEND_VDI: 'Its saved memory is lost: end it with the mode destroy.',
};

/** The JitsuError code for a failure of XAPI. */
export function codeFor(code: string): JitsuErrorCode {
  if (DENIED.has(code)) return 'JITSU_BACKEND_DENIED';
  return code === 'HANDLE_INVALID' || code === 'UUID_INVALID' ? 'JITSU_UNIKERNEL_UNKNOWN' : 'JITSU_BACKEND_FAILED';
}

/** Whether the session cannot be used any more. */
export function endsSession(code: string): boolean {
  return ENDS_SESSION.has(code);
}

/** What to do about a failure. */
export function adviceFor(code: string): string {
  return ADVICE[code] ?? "The pool's log (/var/log/xensource.log on its coordinator) may say more.";
}
