import { fileURLToPath } from 'node:url';
import { describeOnXen } from '../../support/xen/describe-on-xen.js';

await describeOnXen('libxl on Xen, in a dom0 under QEMU,', fileURLToPath(new URL('dom0/libxl', import.meta.url)));
