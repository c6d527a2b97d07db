import type { Clock } from '@jitsud/core/plugin';

/** In milliseconds. */
const INTERVAL = 1_000;

/** Looks at regular intervals, for drivers of libvirt without events (VirtualBox, ESX), until disposed. */
export function pollDomains(clock: Clock, look: () => Promise<void>): Disposable {
  let timer: Disposable | undefined;
  let disposed = false;
  const later = (): void => {
    if (disposed) return;
    timer = clock.after(INTERVAL, () => void look().then(later));
  };
  later();
  return {
    [Symbol.dispose]: () => {
      disposed = true;
      timer?.[Symbol.dispose]();
    },
  };
}
