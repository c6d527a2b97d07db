/** Protocol numbers of IP (IANA). */
export const TCP = 6;
export const UDP = 17;
