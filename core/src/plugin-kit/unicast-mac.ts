const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;

/** Whether a text is the MAC address of one machine (`00:16:3e:00:00:01`), and not of a group or of none. */
export function isUnicastMac(mac: string): boolean {
  return MAC.test(mac) && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0 && !/^[0:]+$/.test(mac);
}
