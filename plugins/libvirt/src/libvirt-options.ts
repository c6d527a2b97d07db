import { packetThreshold, requiredText, uuid } from '@jitsud/core/plugin';
import { z } from 'zod';

/** One connection to libvirt. */
export const connectionOptions = z.object({
  connect: requiredText('A libvirt URI such as qemu:///system expected.')
    .default('xen:///')
    .describe('libvirt URI: qemu:///system, xen:///, vbox:///session, qemu+ssh://host/system'),
  trafficThreshold: packetThreshold('Packets a minute from which on a domain counts as used'),
});

/** The parsed options. */
export type ConnectionOptions = z.output<typeof connectionOptions>;

/** The options of one unikernel that is a libvirt domain. */
export const libvirtOptions = z
  .object({
    name: requiredText("The domain's name expected.")
      .optional()
      .describe("The domain's name, as `virsh list --all` shows it"),
    uuid: uuid().optional().describe("The domain's UUID; it wins over the name"),
    xml: requiredText('The path of a domain XML file expected.')
      .optional()
      .describe('File with the domain XML; the domain is defined from it where libvirt does not have it'),
    redefine: z
      .boolean('true or false expected.')
      .default(false)
      .describe('Whether a domain that libvirt has already is defined anew from `xml` when Jitsu starts'),
  })
  .check(({ value: { name, uuid, xml, redefine }, issues }) => {
    if (name === undefined && uuid === undefined && xml === undefined) {
      const message = "The domain's name, its uuid, or a file with its xml expected.";
      issues.push({ code: 'custom', input: name, path: ['name'], message });
    }
    if (redefine && xml === undefined) {
      const message = 'There is no `xml` to define the domain from.';
      issues.push({ code: 'custom', input: redefine, path: ['redefine'], message });
    }
  });

/** The parsed options. */
export type LibvirtOptions = z.output<typeof libvirtOptions>;
