import { pathToFileURL } from 'node:url';
import { pagePackages } from '../../support/page-packages.js';

// The suites that the pages on writing plugins show, against the code that they show. Types are checked, and the packed
// packages used, by scripts/try-packed.mjs.
for (const file of await pagePackages()) {
  if (file.endsWith('.test.js')) await import(pathToFileURL(file).href);
}
