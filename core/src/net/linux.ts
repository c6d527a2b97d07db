/** Constants of Linux's socket API that x86-64 and arm64 share. */
export const Linux = {
  EINPROGRESS: 115,
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_CLOEXEC: 0o2000000,
  SOCK_NONBLOCK: 0o4000,
  SOL_SOCKET: 1,
  SO_ERROR: 4,
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
  /** Waits for the first datagram, and takes all that are there by then. */
  MSG_WAITFORONE: 0x10000,
  /** Gives up the terminal that controls the process (ioctl_tty(2)). */
  TIOCNOTTY: 0x5422,
} as const;
