import assert from 'node:assert/strict';
import plugin from '#xapi/index.js';
import { connectionOptions, xapiOptions } from '#xapi/xapi-options.js';
import { givenValue } from '#core/config/config-problems.js';
import { readSettings } from '#core/config/read-settings.js';
import { settingsContext } from '../../support/settings-context.js';

const problems = (schema: typeof connectionOptions | typeof xapiOptions, options: object): string[] =>
  schema.safeParse(options).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('the options of the xapi backend', () => {
  it('need the URI of a pool', () => {
    const expected = 'connect: The URI of a pool such as https://root@xcp-ng.example.org expected.';
    for (const connect of [undefined, '', 'xen:///', 'https://']) {
      assert.ok(problems(connectionOptions, { connect }).includes(expected), String(connect));
    }
    assert.deepEqual(connectionOptions.parse({ connect: 'https://xcp.example.org' }), {
      connect: 'https://xcp.example.org',
      allowUnauthorized: false,
    });
  });

  it('tell every problem of a connection in one go', () => {
    const wrong = { connect: 1, passwordFile: '', certificate: '', allowUnauthorized: 'perhaps' };
    assert.deepEqual(
      problems(connectionOptions, wrong).map((problem) => problem.split(':')[0]),
      ['connect', 'passwordFile', 'certificate', 'allowUnauthorized'],
    );
  });

  it('name a VM by its name or its uuid', () => {
    assert.deepEqual(xapiOptions.parse({ name: 'www' }), { name: 'www' });
    const uuid = '6695EB01-F6A4-8304-79AA-97F2502E193F';
    assert.equal(xapiOptions.parse({ uuid }).uuid, uuid.toLowerCase());
    assert.deepEqual(problems(xapiOptions, {}), ["name: The VM's name or its uuid expected."]);
  });

  it('let a unikernel do without an address', async () => {
    const context = settingsContext((registry) => plugin.register(registry));
    const config = {
      backends: { xapi: { connect: 'https://xcp.example.org' } },
      unikernels: [{ name: 'www', dns: 'www.test', backend: 'xapi' }],
    };
    const { unikernels } = await readSettings({ config, directory: '/nowhere' }, context);
    assert.deepEqual(unikernels[0]?.addresses, []);
  });

  it('show no password where the URI is wrong', async () => {
    const context = settingsContext((registry) => plugin.register(registry));
    for (const connect of ['https://root:hunter2@', 'ftp://root:hunter2@host', 'https://root:hun/ter2@host/x?y']) {
      const config = { backends: { xapi: { connect } }, unikernels: [] };
      await assert.rejects(readSettings({ config, directory: '/nowhere' }, context), (error: Error) => {
        assert.match(error.message, /connect: .*URI of a pool/);
        assert.doesNotMatch(JSON.stringify(error) + error.message, /hunter2|ter2/);
        return true;
      });
      assert.doesNotMatch(givenValue(connect) ?? '', /ter2/);
    }
  });
});
