const ENDS = 'There is no such key: a guest that has ended is removed, and the next query for its name boots it again.';
const TYPE = "'type' is the key for that: 'pv' or 'pvh'.";
const VCPUS = "'vcpus' is the key for that, and no guest gets more later.";
const CMDLINE = "It is part of 'cmdline', the parameters of the kernel.";

/** Keys of a domain's configuration for xl (xl.cfg(5)), in camelCase, and what is written here in their place. */
export const KEYS_OF_XL: Readonly<Record<string, string>> = {
  vif: "'nic' is the key for that: the name of a bridge such as 'br0', or several; 'script' has their scripts. MAC addresses are made from the guest's UUID.",
  bridge: "'nic' is the key for that.",
  extra: "'cmdline' is the key for that.",
  root: CMDLINE,
  bootargs: "'cmdline' is the key for that.",
  maxmem: "'memory' is the key for that, and no guest gets more later.",
  maxvcpus: VCPUS,
  cpus: `${VCPUS} It is a number: no guest is bound to certain processors.`,
  builder: TYPE,
  pvh: TYPE,
  hvm: TYPE,
  bootloader: "There is no such key: 'kernel' names a file of this host, and 'ramdisk' another.",
  initrd: "'ramdisk' is the key for that.",
  onPoweroff: ENDS,
  onReboot: ENDS,
  onCrash: ENDS,
  onWatchdog: ENDS,
};
