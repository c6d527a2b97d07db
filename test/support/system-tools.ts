/** Each program that a suite may need, and the Debian package that brings it: `npm test` as root installs what lacks. */
export const SYSTEM_TOOLS = {
  dig: 'bind9-dnsutils',
  ip: 'iproute2',
} as const;

export type SystemTool = keyof typeof SYSTEM_TOOLS;
