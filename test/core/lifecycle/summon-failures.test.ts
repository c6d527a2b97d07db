import assert from 'node:assert/strict';
import { JitsuError } from '#core/errors.js';
import type { Phase } from '#core/lifecycle/life.js';
import { Summon } from '#core/lifecycle/summon.js';
import {
  backingOff,
  died,
  isItsFault,
  pastDeadline,
  stoppedByCommand,
  unreachable,
} from '#core/lifecycle/summon-failures.js';
import { aUnikernel, type StagedUnikernel } from '../../support/dns-unikernel.js';

function aSummon(began: boolean): Summon {
  return Object.assign(new Summon({ kind: 'command' }, 0), { began });
}

function inPhase(phase: Phase, state: StagedUnikernel['state'] = 'off'): StagedUnikernel {
  return Object.assign(aUnikernel(), { phase, state });
}

describe('the failure of a summon', () => {
  it('is the own fault of the unikernel, but for those that come from elsewhere', () => {
    const fault = (error: unknown): boolean => isItsFault(error, inPhase('probing', 'running'), aSummon(true));
    for (const code of [
      ...(['JITSU_BACKEND_UNREACHABLE', 'JITSU_BOOT_QUEUE_FULL', 'JITSU_STOPPED_BY_COMMAND'] as const),
      ...(['JITSU_SHUTTING_DOWN', 'JITSU_ROOT_GIVEN_UP', 'JITSU_NEED_FAILED'] as const),
    ] as const) {
      assert.equal(fault(new JitsuError(code, '')), false, code);
    }
    for (const error of [new JitsuError('JITSU_BACKEND_FAILED', ''), new Error('odd'), 'odd', undefined]) {
      assert.equal(fault(error), true);
    }
  });

  for (const [phase, state, began, isFault, why] of [
    ['queued', 'off', false, false, 'It is still waiting for its turn to boot. Raise boot.limit or its deadline.'],
    ['looking', 'running', false, true, 'It ran, but its service did not answer.'],
    ['booting', 'off', true, true, 'Its backend has not got it to run yet (off).'],
    ['waiting', 'off', false, true, 'Its backend has not got it to run yet (off).'],
    ['probing', 'running', true, true, 'It ran, but its service did not answer.'],
    ['wanted', 'running', true, false, 'Its backend has not stopped it yet (running).'],
    ['wanted', 'suspended', false, false, 'Its backend has not stopped it yet (suspended).'],
  ] as const) {
    const held = isFault ? 'is held' : 'is not held';
    it(`at the deadline ${held} against one that is ${phase} and ${state}, ${began ? '' : 'not '}begun`, () => {
      const unikernel = inPhase(phase, state);
      const error = pastDeadline(unikernel, aSummon(began));
      assert.ok(error.message.startsWith(`www was not ready within 60 s. ${why}`), error.message);
      assert.equal(isItsFault(error, unikernel, aSummon(began)), isFault);
    });
  }

  it('at the deadline says what the probes have found last, in bounded length', () => {
    const summon = aSummon(true);
    summon.outcomes.set({}, 'http:8080/: 192.0.2.7:8080 answered with status 404');
    summon.outcomes.set({}, `odd: ${'x'.repeat(1_000)}`);
    const { message } = pastDeadline(inPhase('probing', 'running'), summon);
    assert.match(
      message,
      /It ran, but was not ready: http:8080\/: 192\.0\.2\.7:8080 answered with status 404; odd: x+\. Check its ready: probe/,
    );
    assert.ok(message.length < 450);
  });

  it('holds off queries until the moment of the next try, with the reason and the time that is left', () => {
    const www = aUnikernel();
    assert.equal(backingOff(www, 100), undefined);
    www.failure = { at: 0, code: 'JITSU_SUMMON_DIED', reason: 'It crashed.', count: 1, retryAt: 1_150 };
    assert.equal(backingOff(www, 1_150), undefined);
    const said = (now: number): string | undefined => backingOff(www, now)?.message;
    assert.equal(said(1_149), 'www failed once and is left alone for 0.1 s more. Last: It crashed.');
    assert.equal(said(100), 'www failed once and is left alone for 1.1 s more. Last: It crashed.');
    www.failure = { ...www.failure, count: 3 };
    assert.equal(said(150), 'www failed 3 times in a row and is left alone for 1 s more. Last: It crashed.');
    assert.equal(backingOff(www, 150)?.code, 'JITSU_SUMMON_BACKING_OFF');
    www.failure = { at: 0, code: 'JITSU_ROOT_GIVEN_UP', reason: 'Restart Jitsu.', count: 1 };
    assert.equal(said(1e12), 'www is not tried again: Restart Jitsu.');
    assert.equal(backingOff(www, 1e12)?.code, 'JITSU_ROOT_GIVEN_UP');
  });

  it('says what the backend knows', () => {
    const www = inPhase('probing');
    assert.match(died(www).message, /^www went off before its service answered\. Check/);
    assert.equal(unreachable(www).message, 'none, the backend of www, cannot be asked.');
    www.detail = 'no route';
    assert.match(died(www).message, /^www went off before its service answered: no route\. Check/);
    assert.equal(unreachable(www).message, 'none, the backend of www, cannot be asked: no route');
    www.detail = 'Run initdb.';
    assert.match(died(www).message, /: Run initdb\. Check/);
    assert.equal(died(www).code, 'JITSU_SUMMON_DIED');
    assert.equal(unreachable(www).code, 'JITSU_BACKEND_UNREACHABLE');
    assert.match(stoppedByCommand(www).message, /^www was stopped by command/);
    assert.equal(stoppedByCommand(www).code, 'JITSU_STOPPED_BY_COMMAND');
  });
});
