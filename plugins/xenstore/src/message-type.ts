/** The kinds of messages that are used here (xsd_sockmsg_type in Xen's io/xs_wire.h). */
export const MessageType = {
  directory: 1,
  read: 2,
  getPermissions: 3,
  watch: 4,
  unwatch: 5,
  startTransaction: 6,
  endTransaction: 7,
  getDomainPath: 10,
  write: 11,
  mkdir: 12,
  rm: 13,
  setPermissions: 14,
  watchEvent: 15,
  error: 16,
  isDomainIntroduced: 17,
  directoryPart: 22,
} as const;
