import type { Clock } from '@jitsud/core/plugin';

/** In milliseconds. */
const INTERVAL = 1_000;

/** Looks again and again, for the drivers of libvirt that tell of no events (VirtualBox, ESX). Disposing it ends it. */
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
