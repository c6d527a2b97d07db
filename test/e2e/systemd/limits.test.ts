import { readFileSync } from 'node:fs';
import { runUnderSystemd } from '../../support/systemd/systemd-machine.js';

describe('limits', function () {
  this.timeout(0);
  it('x', async function () {
    const unit = /```ini\n(\[Unit\]\nDescription=Jitsu,[^`]*)```/.exec(readFileSync('docs/getting-started.md', 'utf8'))![1]!;
    const config = `
dns: { bind: 127.0.0.1, port: 1053, forwarders: 'off' }
unikernels:
  - { backend: process, name: hog, dns: hog.test, ip: 127.0.0.2, command: "sh -c 'sleep 2; echo last words >&2; exec tail /dev/zero'", limits: { memory: 24M } }
  - { backend: process, name: bomb, dns: bomb.test, ip: 127.0.0.3, command: "bash -c 'b() { b | b & }; b; sleep 1000'", limits: { processes: 12 } }
  - { backend: process, name: spin, dns: spin.test, ip: 127.0.0.4, command: "sh -c 'while :; do :; done'", limits: { cpu: 20% } }
  - { backend: process, name: runaway, dns: runaway.test, ip: 127.0.0.5, command: "sh -c 'setsid sh -c \\"echo \\\\$\\\\$ >/tmp/runaway; exec sleep 1000\\" & sleep 1000'", limits: { processes: 9 } }
  - { backend: process, name: web, dns: web.test, ip: 127.0.0.6, command: sleep 1000, ready: "exec:sh -c 'cat /proc/self/cgroup >/tmp/probe'", env: { with.dot: a b, PLAIN: c }, limits: { memory: 64MiB, cpu: 0.5, processes: 10 } }
  - { backend: process, name: free, dns: free.test, ip: 127.0.0.7, command: sleep 1000 }
`;
    const out = await runUnderSystemd(this, 'test/dist/support/systemd/limits-trial.js', { 'jitsu.service': unit, 'jitsu.config.yaml': config });
    console.log(JSON.stringify(JSON.parse(out), undefined, 1));
  });
});
