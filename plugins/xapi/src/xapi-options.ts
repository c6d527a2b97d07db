import { byteSize, requiredText, uuid } from '@jitsud/core/plugin';
import { z } from 'zod';
import { parsePoolAddress } from './pool-address.js';

const URI = 'The URI of a pool such as https://root@xcp-ng.example.org expected.';

/** One connection to a pool. */
export const connectionOptions = z.object({
  connect: requiredText(URI)
    .refine((uri) => parsePoolAddress(uri) !== undefined, URI)
    .describe("URI of the pool's coordinator: https://USER@HOST, or http://USER@HOST on a network that is trusted"),
  passwordFile: requiredText('The path of a file with the password expected.')
    .optional()
    .describe('File with the password; in its place the URI may hold it, or the environment (JITSU_XAPI_PASSWORD)'),
  certificate: requiredText('The path of a PEM file expected.')
    .optional()
    .describe("PEM file with the certificates of the pool's hosts: these alone are trusted, whatever name they bear"),
  allowUnauthorized: z
    .boolean('true or false expected.')
    .default(false)
    .describe('Whether any certificate will do: whoever is in between may then read the password'),
  trafficThreshold: byteSize('Bytes a minute from which on a VM counts as used; they are not counted without it')
    .refine((bytes) => bytes >= 1, 'A number of bytes a minute expected, at least 1.')
    .optional(),
});

/** The parsed options. */
export type ConnectionOptions = z.output<typeof connectionOptions>;

/** The options of one unikernel that is a VM of a pool. */
export const xapiOptions = z
  .object({
    name: requiredText("The VM's name expected.")
      .optional()
      .describe("The VM's name (name_label), as `xe vm-list` shows it"),
    uuid: uuid().optional().describe("The VM's UUID; it wins over the name"),
    host: requiredText('The name or the UUID of a host expected.')
      .optional()
      .describe('Host of the pool on which to start it, by name or UUID; the pool chooses where absent'),
  })
  .check(({ value: { name, uuid }, issues }) => {
    if (name !== undefined || uuid !== undefined) return;
    issues.push({ code: 'custom', input: name, path: ['name'], message: "The VM's name or its uuid expected." });
  });

/** The parsed options. */
export type XapiOptions = z.output<typeof xapiOptions>;
