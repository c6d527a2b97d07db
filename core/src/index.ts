import 'reflect-metadata';

export type {
  Backend,
  BackendCapabilities,
  PowerChange,
  PowerState,
  Registration,
  StopMode,
  UnikernelDescription,
  UnikernelId,
} from './contracts/backend.js';
export type { Clock } from './contracts/clock.js';
export type { Logger } from './contracts/logger.js';
export type { Milliseconds } from './contracts/milliseconds.js';
export type { Plugin, PluginRegistry } from './contracts/plugin.js';
export { errorCode, errorMessage, JitsuError, type JitsuErrorCode } from './errors.js';
export { CLOCK, CONNECTION_NAME, LOGGER, RUNTIME_DIRECTORY } from './tokens.js';
export { inject, injectable } from 'tsyringe';
