/** A thread that makes one blocking call at a time, and reads the error that libvirt keeps per thread. */
import { parentPort } from 'node:worker_threads';
import { failureOf, type CallFailure } from './call-failure.js';
import { loadLibvirt } from './libvirt-library.js';
import { libvirtOperations, type Operations } from './operations.js';

export interface CallRequest {
  readonly operation: keyof Operations;
  readonly parameters: readonly unknown[];
}

/** Sent once, when calls can be taken. */
export type Ready = 'ready';

export type CallReply = { readonly result: unknown } | { readonly failure: CallFailure };

let operations: Operations | undefined;

function perform({ operation, parameters }: CallRequest): CallReply {
  try {
    // Loaded with the first call, so that a missing library becomes that call's failure.
    operations ??= libvirtOperations(loadLibvirt());
    const all = operations as unknown as Record<string, (...parameters: readonly unknown[]) => unknown>;
    return { result: all[operation]?.(...parameters) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

parentPort?.on('message', (request: CallRequest) => parentPort?.postMessage(perform(request)));
parentPort?.postMessage('ready' satisfies Ready);
