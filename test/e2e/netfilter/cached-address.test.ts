import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { within } from '../../support/place.js';
import { requireTool } from '../../support/require-tool.js';
import { RunningJitsu } from '../../support/running-jitsu.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const PROGRAM = fileURLToPath(new URL('../../support/used-program.js', import.meta.url));
const ADDRESS = '127.0.0.80';
const PROXY = '127.0.0.81';

/** For how long the page asks, once in a second, while its service is stopped twice. */
const POLLS = 12;

describe('a program that keeps the address of a service that is stopped meanwhile', function () {
  this.timeout(120_000);
  let namespace: NetworkNamespace;
  let folder: TemporaryFolder;
  let jitsu: RunningJitsu;
  const started: ChildProcess[] = [];

  before(async function () {
    const [dnsmasq, nginx] = [requireTool(this, 'dnsmasq'), requireTool(this, 'nginx')];
    namespace = await NetworkNamespace.create(this);
    folder = new TemporaryFolder();
    const web = {
      ...{ name: 'web', dns: 'web.test', ip: ADDRESS, ready: 'tcp:8080' },
      command: [process.execPath, PROGRAM, ADDRESS, '8080'],
    };
    const stop = { policies: ['connections', 'traffic', 'ttl'] };
    const settings = { dns: { port: 53, ttl: 1 }, doormen: { netfilter: {} }, privileges: 'none', stop };
    jitsu = new RunningJitsu([web], settings, within(namespace));
    await jitsu.start();
    const words = [
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--pid-file',
      '--no-resolv',
      '--no-hosts',
      '--user=root',
    ];
    const cache = ['--listen-address=127.0.0.2', '--bind-interfaces', '--server=127.0.0.1', '--min-cache-ttl=3600'];
    started.push(namespace.spawn(dnsmasq, [...words, ...cache], { stdio: 'ignore' }));
    await namespace.writeResolvConf('nameserver 127.0.0.2\noptions attempts:3 timeout:10\n');
    await eventually(async () => assert.match(await fetched('web.test:8080/'), /^\d+$/));
    const own = folder.in('nginx');
    mkdirSync(own);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${own}/${kind};`,
    );
    const server = `server { listen ${PROXY}:8080; location / { proxy_pass http://web.test:8080; } }`;
    const main = `daemon off; master_process off; pid ${own}/pid; error_log stderr; events {} http { ${paths.join(' ')} access_log off; ${server} }`;
    writeFileSync(`${own}/nginx.conf`, main);
    started.push(namespace.spawn(nginx, ['-p', own, '-c', `${own}/nginx.conf`, '-e', 'stderr'], { stdio: 'ignore' }));
    await eventually(async () => assert.match(await fetched(`${PROXY}:8080/`), /^\d+$/));
  });

  after(async () => {
    for (const child of started) if (child.pid !== undefined) child.kill('SIGKILL');
    await jitsu?.[Symbol.asyncDispose]();
    await namespace?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  const fetched = async (where: string): Promise<string> => {
    const program = `fetch('http://${where}', { headers: { connection: 'close' } }).then(async (response) => console.log(await response.text()))`;
    return (await namespace.run(process.execPath, '-e', program)).trim();
  };
  const stop = async (): Promise<void> => {
    await jitsu.control.stop('web');
    await eventually(async () => assert.equal((await jitsu.status('web')).state, 'off'));
  };
  const asked = async (): Promise<number> => (await jitsu.status('web')).names[0]?.requests ?? 0;
  const lastCause = async (): Promise<string> => {
    const events = await jitsu.control.history({ unikernel: 'web' });
    const summons = events.filter(({ kind }) => kind === 'summoning').sort((one, other) => one.at - other.at);
    return JSON.stringify(summons.at(-1)?.cause);
  };

  for (const [what, where] of [
    ['a resolver with a cache', 'web.test:8080/'],
    ['nginx, by a name that it looks up once', `${PROXY}:8080/`],
  ] as const) {
    it(`reaches it by its first packet, without a question: ${what}`, async () => {
      for (let time = 0; time < 3; time += 1) {
        await stop();
        const before = await asked();
        assert.match(await fetched(where), /^\d+$/, jitsu.log);
        assert.equal(await asked(), before);
        assert.equal(await lastCause(), '{"kind":"knock","protocol":"tcp","port":8080,"from":"127.0.0.1"}');
      }
    });
  }

  it('reaches it by its first packet: a page in Chromium, which sees no error', async function () {
    const chromium = requireTool(this, 'chromium');
    const words = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
    const own = [`--user-data-dir=${folder.in('chromium')}`, '--remote-debugging-port=0'];
    const browser = namespace.spawn(chromium, [...words, ...own, `http://web.test:8080/page?seconds=${POLLS}`], {
      ...{ stdio: 'ignore', detached: true },
    });
    try {
      await sleep(4_000);
      for (let stops = 0; stops < 2; stops += 1) {
        await sleep(2_500);
        // The page has it up again in a moment.
        await jitsu.control.stop('web');
      }
      await sleep(POLLS * 1_000);
      for (let looks = 0; ; looks += 1) {
        const told = await fetched(`${ADDRESS}:8080/told`);
        if (told !== '') return assert.equal(told, `answers=${POLLS}&errors=0`);
        assert.ok(looks < 60, 'the page has not come to its end');
        await sleep(500);
      }
    } finally {
      if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
      await sleep(500);
    }
  });
});
