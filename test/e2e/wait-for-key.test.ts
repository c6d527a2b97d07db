import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { RunningJitsu } from '../support/running-jitsu.js';
import { opened } from '../support/xenstore/opened.js';
import { PrivateXenstored } from '../support/xenstore/private-xenstored.js';

const KEY_WRITER = fileURLToPath(new URL('../support/xenstore/key-writer.js', import.meta.url));

describe('a name whose unikernel writes a key into xenstored', function () {
  this.timeout(120_000);
  let daemon: PrivateXenstored | undefined;

  before(async function () {
    daemon = await PrivateXenstored.start(this);
  });

  after(() => daemon?.[Symbol.asyncDispose]());

  const aUnikernel = (more: object): object => ({ name: 'web', dns: 'web.test', ip: '127.0.0.1', ...more });

  /** Jitsu takes the environment over in the moment of its start. */
  const start = (jitsu: RunningJitsu): Promise<void> => {
    const before = process.env['XENSTORED_PATH'];
    process.env['XENSTORED_PATH'] = daemon!.socket;
    const started = jitsu.start();
    if (before === undefined) delete process.env['XENSTORED_PATH'];
    else process.env['XENSTORED_PATH'] = before;
    return started;
  };

  it('is answered when the key is there, and no sooner; nobody has to name the plugin', async () => {
    const command = [process.execPath, KEY_WRITER, 'data/ready', '400'];
    await using jitsu = new RunningJitsu([aUnikernel({ command, wait_for_key: 'data/ready:60s', response_delay: 0 })]);
    await start(jitsu);
    assert.deepEqual((await jitsu.ask('web.test')).addresses, ['127.0.0.1']);
    const answered = Date.now();
    const { domainId } = await jitsu.status('web');
    await using xenstore = await opened(daemon!);
    const written = Number(await xenstore.read(`/local/domain/${domainId}/data/ready`));
    assert.ok(written <= answered && answered - written < 1_000, `${answered - written} ms`);
    assert.doesNotMatch(jitsu.log, /answering all the same/);
  });

  it('is answered after the time for it, with a warning, when the key does not come', async () => {
    const command = [process.execPath, KEY_WRITER, 'another', '0'];
    await using jitsu = new RunningJitsu([aUnikernel({ command, ready: 'xenstore-key:data/ready:0.3' })]);
    await start(jitsu);
    assert.deepEqual((await jitsu.ask('web.test')).addresses, ['127.0.0.1']);
    const { domainId } = await jitsu.status('web');
    const warning = `web: no xenstore key /local/domain/${domainId}/data/ready after 0.3 s; answering all the same.`;
    assert.ok(jitsu.log.includes(warning), jitsu.log);
  });
});
