import { fileURLToPath } from 'node:url';
import { describeOnXen } from '../../support/xen/describe-on-xen.js';

const folder = (name: string): string => fileURLToPath(new URL(`dom0/${name}`, import.meta.url));

await describeOnXen('on Xen, in a dom0 under QEMU,', ...['contract', 'rounds', 'rumprun', 'synjitsu'].map(folder));
