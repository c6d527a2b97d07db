import assert from 'node:assert/strict';
import { nearestWord } from '#core/config/expectation.js';

describe('a mistyped word', () => {
  it('is taken for the nearest one', () => {
    assert.equal(nearestWord('comand', ['cwd', 'command', 'user']), 'command');
    assert.equal(nearestWord('dsn', ['ip', 'dns']), 'dns');
    assert.equal(nearestWord('RESPONSEDELAY', ['ready', 'responseDelay']), 'responseDelay');
  });

  it('is taken for the one that differs in case, dashes and underscores alone, however many', () => {
    for (const mistyped of ['on-exit', 'on_exit', 'OnExit', 'ON_EXIT', 'o-n-e-x-i-t'])
      assert.equal(nearestWord(mistyped, ['onBoot', 'exit', 'onExit']), 'onExit');
  });

  it('is taken for nothing that is far away', () => {
    assert.equal(nearestWord('memory', ['dns', 'ip', 'command']), undefined);
  });
});
