import { fileURLToPath } from 'node:url';
import { describeOnXen } from '../../support/xen/describe-on-xen.js';

const folder = (name: string): string => fileURLToPath(new URL(`dom0/${name}`, import.meta.url));

await describeOnXen('libxl on Xen, in a dom0 under QEMU,', ...['libxl', 'summon'].map(folder));
