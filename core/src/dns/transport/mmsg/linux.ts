/** Numbers of Linux's sockets, which x86-64 and arm64 share. */
export const Linux = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_DGRAM: 2,
  SOCK_CLOEXEC: 0o2000000,
  SOCK_NONBLOCK: 0o4000,
  SOL_SOCKET: 1,
  SO_RCVBUF: 8,
  SO_REUSEPORT: 15,
  SO_SNDTIMEO: 21,
  SO_RCVBUFFORCE: 33,
  IPPROTO_IP: 0,
  IP_PKTINFO: 8,
  IPPROTO_IPV6: 41,
  IPV6_V6ONLY: 26,
  IPV6_RECVPKTINFO: 49,
  SHUT_RD: 0,
  MSG_DONTWAIT: 0x40,
  /** Waits for the first datagram, and takes what is there besides. */
  MSG_WAITFORONE: 0x10000,
} as const;
