import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { PoolStage } from '../../support/xapi/pool-stage.js';

describe('the password of a pool', () => {
  const folder = new TemporaryFolder();
  after(() => folder[Symbol.dispose]());

  it('may be in a file, whose byte order mark and last line break are not part of it', async () => {
    const passwordFile = folder.in('password');
    await using stage = await PoolStage.open({}, { passwordFile });
    await using bare = await PoolStage.open({}, { connect: stage.server.uri('jitsu'), passwordFile });
    await rejectsWithCode(bare.backend.connect(), 'JITSU_CONFIG_UNREADABLE');
    writeFileSync(passwordFile, '\uFEFFsecret\n');
    await bare.backend.connect();
    assert.equal(stage.pool.sessions, 1);
  });

  it('is refused with what to check, and is told to nobody', async () => {
    await using stage = await PoolStage.open();
    stage.pool.password = 'another';
    const error = await rejectsWithCode(stage.backend.connect(), 'JITSU_BACKEND_DENIED');
    assert.match(
      error.message,
      /does not let us in: SESSION_AUTHENTICATION_FAILED.*Are the user and the password right/,
    );
    const { cause } = error;
    assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)} ${JSON.stringify(cause)} ${String(cause)}`, /secret/);
  });

  it('is asked for where there is none', async () => {
    await using stage = await PoolStage.open();
    await using bare = await PoolStage.open({}, { connect: stage.server.uri('jitsu') });
    const error = await rejectsWithCode(bare.backend.connect(), 'JITSU_CONFIG_INVALID');
    assert.match(error.message, /JITSU_XAPI_PASSWORD.*passwordFile/);
  });

  it('is taken out of the environment, for all connections, and the URI comes before it', async () => {
    process.env['JITSU_XAPI_PASSWORD'] = 'secret';
    await using stage = await PoolStage.open();
    assert.equal(process.env['JITSU_XAPI_PASSWORD'], undefined);
    for (const _ of [1, 2]) {
      await using next = await PoolStage.open({}, { connect: stage.server.uri('jitsu') });
      await next.backend.connect();
    }
    await using wrong = await PoolStage.open({}, { connect: stage.server.uri('jitsu:wrong') });
    await rejectsWithCode(wrong.backend.connect(), 'JITSU_BACKEND_DENIED');
  });
});
