import { JitsuError, type PowerWatch, type MachineId } from '@jitsud/core/plugin';

/**
 * Resolves when a machine is told to be off; rejects with the signal's reason when it aborts first.
 * @throws JITSU_BACKEND_UNREACHABLE when nobody can tell any more
 */
export function untilOff(power: PowerWatch, id: MachineId, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      watch[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      end();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whoever aborts chooses the reason
      reject(signal.reason);
    };
    const watch = power.watch((change) => {
      if (change.id !== id || (change.state !== 'off' && change.state !== 'unknown')) return;
      end();
      if (change.state === 'off') resolve();
      else reject(new JitsuError('JITSU_BACKEND_UNREACHABLE', change.detail ?? 'libvirt does not answer.'));
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
