/** The classes that Jitsu answers (RFC 1035, 3.2.4 and 3.2.5). */
export const RecordClass = { IN: 1, ANY: 255 } as const;
