import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { mock } from 'node:test';

/** Until it is disposed, nothing can be written to a file that was opened before, as on a full disk. */
export function fullDisk(): Disposable {
  const write = mock.method(fs, 'writeFileSync', () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]: () => {
      write.mock.restore();
      syncBuiltinESMExports();
    },
  };
}
