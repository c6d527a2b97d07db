import type { DnsQuery } from '../../contracts/resolver.js';
import { HEADER_LENGTH } from '../wire/header.js';
import { RecordClass, RecordType } from '../wire/dns-parameters.js';

/** `. NS`, which every resolver knows by heart: asked only to see whether there is an answer. */
export const PROBE: DnsQuery = {
  name: '',
  type: RecordType.NS,
  class: RecordClass.IN,
  recursionDesired: true,
  authenticData: false,
  checkingDisabled: false,
  proven: true,
  client: { address: '', port: 0, transport: 'inject' },
  message: Uint8Array.of(...new Uint8Array(HEADER_LENGTH), 0, 0, RecordType.NS, 0, RecordClass.IN),
};
