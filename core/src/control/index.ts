// `@jitsud/core/control`, the client of a running Jitsu. It loads a few files, where `@jitsud/core` loads all of Jitsu.
export { findConfigFile } from '../config/find-config-file.js';
export { errorCode, errorMessage, JitsuError, type JitsuErrorCode } from '../errors.js';
export { ControlClient } from './control-client.js';
export { defaultControlSocket } from './control-paths.js';
export { recordRunning, runningJitsus, type RuntimeRecord } from './runtime-records.js';
export type { NameStatus, StatusReport, UnikernelStatus } from './status-report.js';
