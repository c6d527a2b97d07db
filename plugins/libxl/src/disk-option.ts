import { z } from 'zod';

/** A disk of the guest: a file or block device of dom0, and its device name in the guest. */
export interface Disk {
  readonly path: string;
  /** `xvda`, `hda`, `sda`, …. */
  readonly device: string;
}

const EXPECTED = 'A disk such as images/data.img@xvda expected: a file or block device, @, and xvdX, hdX or sdX.';
const FORM = /^([^\0]+)@((?:xvd|hd|sd|vd)[a-z]{1,2}\d{0,3}|d\d{1,4}p\d{1,3})$/;

/** `path@device`; the device follows the last @. */
export const disk = z.string(EXPECTED).transform((value, context): Disk => {
  const [, path, device] = FORM.exec(value) ?? [];
  if (path !== undefined && device !== undefined) return { path, device };
  context.issues.push({ code: 'custom', message: EXPECTED, input: value });
  return z.NEVER;
});
