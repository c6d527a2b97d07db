/**
 * What `npm run mutate -- ROOM` puts faults into, and the suites that are to notice: unit suites alone, since what only
 * an end-to-end test sees is seen late. Folders, or files, below the root of the repository; suites below `test/`.
 */
export const ROOMS = {
  lifecycle: { sources: ['core/src/lifecycle'], suites: ['core/lifecycle'] },
  admission: { sources: ['core/src/dns/admission'], suites: ['core/dns/admission'] },
  'packet-cache': { sources: ['core/src/dns/packet-cache'], suites: ['core/dns/packet-cache'] },
  forwarder: { sources: ['core/src/dns/forwarder'], suites: ['core/dns/forwarder'] },
  transport: { sources: ['core/src/dns/transport'], suites: ['core/dns/transport'] },
  process: {
    sources: [
      'plugins/process/src',
      ...['sealable-spawner', 'spawner-process', 'spawner-program'].map((file) => `core/src/plugin-kit/${file}.ts`),
    ],
    suites: [
      'plugins/process',
      ...['spawner-process', 'spawner-program'].map((file) => `core/plugin-kit/${file}.test.ts`),
    ],
  },
  cache: { sources: ['core/src/dns/cache'], suites: ['core/dns/cache'] },
  resolvers: { sources: ['core/src/dns/resolvers'], suites: ['core/dns/resolvers'] },
  wire: { sources: ['core/src/dns/wire'], suites: ['core/dns/wire'] },
  state: { sources: ['core/src/state'], suites: ['core/state'] },
  control: { sources: ['core/src/control'], suites: ['core/control'] },
  fleet: { sources: ['core/src/fleet', 'core/src/jitsu.ts'], suites: ['core/fleet', 'core/jitsu.test.ts'] },
};
