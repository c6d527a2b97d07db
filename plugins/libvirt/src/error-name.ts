/** The virErrorNumbers (virterror.h) that this plugin handles, or that people are likely to meet. */
export const LibvirtErrorNumber = {
  VIR_ERR_INTERNAL_ERROR: 1,
  VIR_ERR_NO_MEMORY: 2,
  VIR_ERR_NO_SUPPORT: 3,
  VIR_ERR_UNKNOWN_HOST: 4,
  VIR_ERR_NO_CONNECT: 5,
  VIR_ERR_INVALID_CONN: 6,
  VIR_ERR_INVALID_ARG: 8,
  VIR_ERR_OPERATION_FAILED: 9,
  VIR_ERR_XML_ERROR: 27,
  VIR_ERR_DOM_EXIST: 28,
  VIR_ERR_OPERATION_DENIED: 29,
  VIR_ERR_XML_DETAIL: 35,
  VIR_ERR_SYSTEM_ERROR: 38,
  VIR_ERR_RPC: 39,
  VIR_ERR_GNUTLS_ERROR: 40,
  VIR_ERR_NO_DOMAIN: 42,
  VIR_ERR_NO_NETWORK: 43,
  VIR_ERR_AUTH_FAILED: 45,
  VIR_ERR_NO_STORAGE_POOL: 49,
  VIR_ERR_NO_STORAGE_VOL: 50,
  VIR_ERR_OPERATION_INVALID: 55,
  VIR_ERR_CONFIG_UNSUPPORTED: 67,
  VIR_ERR_OPERATION_TIMEOUT: 68,
  VIR_ERR_HOOK_SCRIPT_FAILED: 70,
  VIR_ERR_ARGUMENT_UNSUPPORTED: 74,
  VIR_ERR_OPERATION_ABORTED: 78,
  VIR_ERR_AUTH_CANCELLED: 79,
  VIR_ERR_OPERATION_UNSUPPORTED: 84,
  VIR_ERR_SSH: 85,
  VIR_ERR_RESOURCE_BUSY: 87,
  VIR_ERR_ACCESS_DENIED: 88,
  VIR_ERR_CPU_INCOMPATIBLE: 91,
  VIR_ERR_XML_INVALID_SCHEMA: 92,
  VIR_ERR_AUTH_UNAVAILABLE: 94,
  VIR_ERR_LIBSSH: 98,
  VIR_ERR_DEVICE_MISSING: 99,
} as const;

const NAMES = new Map<number, string>(Object.entries(LibvirtErrorNumber).map(([name, number]) => [number, name]));

/** The name of a virErrorNumber in libvirt's documentation, or the number. */
export function errorName(number: number): string {
  return NAMES.get(number) ?? `libvirt error ${number}`;
}
