import { fileURLToPath } from 'node:url';
import { defineConfig } from '@jitsud/core';

// The whole of 127.0.0.0/8 is this machine on Linux; elsewhere only 127.0.0.1 is.
const address = process.platform === 'linux' ? '127.0.0.80' : '127.0.0.1';

export default defineConfig({
  // The usual port 53 belongs to root; names that are not below are forwarded.
  dns: { port: 10053, ttl: 60 },
  stop: { onExit: 'stop' },
  unikernels: [
    {
      name: 'hello',
      dns: 'hello.jitsu.test',
      ip: address,
      backend: 'process',
      command: [process.execPath, fileURLToPath(new URL('examples/hello/server.js', import.meta.url)), address, '8080'],
      ready: 'http:8080/',
    },
  ],
});
