import { LIBRARY_MISSING, type LibvirtLibrary, type Pointer } from './libvirt-library.js';

/** Why a call has failed, in a form that can be passed between threads. */
export type CallFailure =
  | {
      readonly kind: 'refused';
      /** virErrorNumber. */
      readonly code: number;
      /** virErrorDomain: the part of libvirt that it comes from. */
      readonly domain: number;
      readonly message: string;
      /** Whether the connection can still be used; true where the call had none. */
      readonly connectionIsAlive: boolean;
    }
  /** The connection is gone. */
  | { readonly kind: 'closed'; readonly message: string }
  | { readonly kind: 'library-missing'; readonly message: string }
  | { readonly kind: 'defect'; readonly message: string };

/** Carries a {@link CallFailure} out of an operation. */
class Refusal extends Error {
  constructor(readonly failure: CallFailure) {
    super(failure.message);
  }
}

/** Throws this thread's own error, which libvirt's latest call has left. */
export function refuse(library: LibvirtLibrary, connection?: Pointer): never {
  // virConnectIsAlive would clear the error: read it first.
  const { code, domain, message } = library.lastError() ?? { code: 0, domain: 0, message: null };
  throw new Refusal({
    kind: 'refused',
    ...{ code, domain },
    message: message ?? 'libvirt gave no reason',
    connectionIsAlive: connection === undefined || library.virConnectIsAlive(connection) === 1,
  });
}

/** The description of any thrown error for another thread. */
export function failureOf(error: unknown): CallFailure {
  if (error instanceof Refusal) return error.failure;
  const { message, code, stack } = error as { message?: string; code?: string; stack?: string };
  if (code === LIBRARY_MISSING) return { kind: 'library-missing', message: message ?? '' };
  return { kind: 'defect', message: stack ?? String(error) };
}
