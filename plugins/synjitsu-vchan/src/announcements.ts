import type { LifecycleEvent } from '@jitsud/core/plugin';
import { isIPv4 } from 'node:net';
import type { Announcement } from './record.js';

/** What to tell Synjitsu about a unikernel. */
export interface Announcements {
  /** One per IPv4 address of the unikernel. */
  readonly announcements: readonly Announcement[];
  /** Why there are none, or which of several network cards was chosen; for the log. */
  readonly remark?: string;
}

/** Backends do not report the network of a card: of several cards, the first is chosen. */
export function announcementsOf({ unikernel, macs, addresses }: LifecycleEvent): Announcements {
  const [mac, ...others] = macs;
  const ipv4 = addresses.filter((address) => isIPv4(address));
  if (mac === undefined) {
    return { announcements: [], remark: `${unikernel} has no network card that its backend knows of` };
  }
  if (ipv4.length === 0) return { announcements: [], remark: `${unikernel} has no IPv4 address` };
  const announcements = ipv4.map((address) => ({ mac, address }));
  if (others.length === 0) return { announcements };
  return { announcements, remark: `${unikernel} has ${macs.length} network cards; the first, ${mac}, is announced` };
}
