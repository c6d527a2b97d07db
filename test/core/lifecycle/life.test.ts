import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { PowerState } from '#core/contracts/machine.js';
import { next, PHASE_NAMES, type Effect, type Life, type LifeEvent, type Phase } from '#core/lifecycle/life.js';

const STATES = ['off', 'starting', 'running', 'paused', 'suspended', 'stopping', 'unknown'] as const;
const PHASES = Object.keys(PHASE_NAMES) as Phase[];
const EVENTS = [
  ...([
    'wake',
    'looked',
    'turn',
    'started',
    'start-failed',
    'answered',
    'unanswered',
    'failed',
    'refused',
    'learnt',
  ] as const),
  ...(['met', 'unmet'] as const),
  ...(['changed', 'due', 'silent', 'expired', 'kept', 'used', 'reap', 'stop', 'stopped'] as const),
];

/**
 * Where a unikernel is (its phase, what its backend last said, and whether it is `starting`, `failing` or `lost`), what
 * happens (and what the backend had said before), and what comes of it: the next phase and the effects.
 */
const TABLE: readonly (readonly [life: string, event: string, outcome: string])[] = [
  // A wake asks how the machine is, and waits for what must end first.
  ['down off', 'wake', 'looking: look'],
  ['running running', 'wake', 'looking: look'],
  ['failing off failing', 'wake', 'looking: look'],
  ['withdrawn running', 'wake', 'looking: look'],
  ['down off starting', 'wake', 'waiting'],
  ['running running starting', 'wake', 'waiting'],
  ['failing off starting failing', 'wake', 'waiting'],
  ['withdrawn running starting', 'wake', 'waiting'],
  ['stopping running', 'wake', 'wanted'],

  // What it needs is ready before it looks at its machine; what becomes of that meanwhile is news.
  ['down off needy', 'wake', 'needing: need'],
  ['running running needy', 'wake', 'needing: need'],
  ['withdrawn running needy', 'wake', 'needing: need'],
  ['down off starting needy', 'wake', 'waiting'],
  ['waiting running needy', 'started', 'needing: need'],
  ['waiting off needy', 'start-failed', 'needing: need'],
  ['wanted off needy', 'stopped', 'needing: need'],
  ['needing off needy', 'met', 'looking: look'],
  ['needing running needy', 'met', 'looking: look'],
  ['needing off needy', 'learnt from running', 'needing: died'],
  ['needing running needy', 'learnt from off', 'needing: adopted count renew attend'],
  ['needing off needy lost', 'learnt from unknown', 'needing: returned'],
  ['needing unknown needy', 'learnt from running', 'needing: lost'],
  // One that runs goes on running without what it needs, and is not taken for ready.
  ['ready running needy', 'unmet', 'running: take-back'],
  ['withdrawn running needy', 'unmet', 'running'],
  ['probing running needy', 'unmet', 'needing: need'],
  ['running running needy', 'unmet', 'running'],
  ['booting off needy', 'unmet', 'booting'],

  // What a summon does to a machine in each state.
  ['looking running', 'looked', 'probing: probe'],
  ['looking unknown', 'looked', 'probing: probe'],
  ['looking off', 'looked', 'queued: queue'],
  ['looking starting', 'looked', 'queued: queue'],
  ['queued off', 'turn', 'booting: start'],
  ['queued suspended', 'turn', 'booting: resume'],
  ['queued paused', 'turn', 'booting: unpause'],
  ['queued starting', 'turn', 'settling: poll'],
  ['queued stopping', 'turn', 'settling: poll'],
  ['queued running', 'turn', 'probing: probe'],
  ['queued unknown', 'turn', 'probing: probe'],
  ['settling stopping', 'looked', 'settling: poll'],
  ['settling off', 'looked', 'booting: start'],
  ['settling running', 'looked', 'probing: probe'],
  ['booting running', 'started', 'probing: probe'],
  ['booting starting', 'started', 'rising: poll'],
  ['booting off', 'started', 'failing: end-died'],
  ['rising starting', 'looked', 'rising: poll'],
  ['rising running', 'looked', 'probing: probe'],
  ['rising paused', 'looked', 'failing: end-died'],
  ['probing running', 'answered', 'ready: succeed attend'],
  ['probing running failing', 'answered', 'ready: succeed attend'],
  ['probing unknown', 'answered', 'down: succeed'],
  // What answers last of a machine that goes down is no promise.
  ...['stopping', 'paused', 'starting'].map((state) => [`probing ${state}`, 'answered', 'rising: poll'] as const),

  // A machine that runs by an earlier definition is asked by its summon, or stopped by it and started anew.
  ['looking running idle', 'looked', 'probing: probe'],
  ['looking running now', 'looked', 'wanted: replace'],
  ['looking suspended idle', 'looked', 'wanted: replace'],
  ['looking paused idle', 'looked', 'wanted: replace'],
  ['looking suspended now', 'looked', 'wanted: replace'],
  ['looking off now', 'looked', 'queued: queue'],
  ['looking stopping now', 'looked', 'queued: queue'],
  ['looking unknown now', 'looked', 'probing: probe'],
  ['probing running idle', 'answered', 'ready: succeed attend'],
  ['probing running idle', 'unanswered', 'wanted: replace'],

  // A summon that comes to nothing; what runs is reaped in time all the same.
  ...['needing', 'looking', 'queued', 'settling', 'booting', 'rising', 'probing', 'waiting'].flatMap(
    (phase) =>
      [
        [`${phase} off`, 'failed', 'failing: fail'],
        [`${phase} running`, 'failed', 'failing: fail attend'],
        [`${phase} off`, 'refused', 'down: refuse'],
        [`${phase} running`, 'refused', 'running: refuse attend'],
        [`${phase} off failing`, 'refused', 'failing: refuse'],
        [`${phase} running`, 'stop', 'stopping: end-stopped halt'],
        [`${phase} off starting`, 'stop', 'stopping: end-stopped'],
      ] as const,
  ),
  ['wanted running', 'failed', 'stopping: fail'],
  ['wanted running', 'refused', 'stopping: refuse'],
  ['wanted running', 'stop', 'stopping: end-stopped'],

  // A summon does not go on waiting for a machine that is gone; but what was before its first look is no failure.
  ...['queued', 'settling', 'booting', 'rising', 'probing'].flatMap(
    (phase) =>
      [
        [`${phase} off`, 'learnt from running', 'failing: end-died'],
        [`${phase} unknown`, 'learnt from running', 'down: end-unreachable'],
        [`${phase} unknown`, 'learnt from unknown', phase],
        [`${phase} running`, 'learnt from off', phase],
      ] as const,
  ),
  // A machine that ran may be seen on its way down, or paused by a crash, before it is off; one that is still to be
  // booted may have been so before.
  ...['stopping', 'paused', 'suspended', 'starting'].flatMap(
    (before) =>
      [
        ['probing off', `learnt from ${before}`, 'failing: end-died'],
        ...['queued', 'settling', 'booting', 'rising'].map((phase) => {
          const wasUp = before === 'stopping' && (phase === 'booting' || phase === 'rising');
          return [`${phase} off`, `learnt from ${before}`, wasUp ? 'failing: end-died' : phase] as const;
        }),
      ] as const,
  ),
  ['probing off', 'learnt from unknown', 'failing: end-died'],
  ['probing suspended', 'learnt from running', 'failing: end-died'],
  ['probing stopping', 'learnt from running', 'probing'],
  ['probing paused', 'learnt from running', 'probing'],
  ['looking off', 'learnt from running', 'looking'],
  ['looking unknown', 'learnt from running', 'looking'],
  ['looking off lost', 'learnt from unknown', 'looking: returned'],

  // A start that outlives its summon: nothing else begins before it is over.
  ['down running', 'started', 'running: attend'],
  ['failing running failing', 'started', 'failing: attend'],
  ['failing off failing', 'started', 'failing'],
  ['running off', 'started', 'down'],
  ['withdrawn running', 'started', 'running: attend'],
  ['failing running failing', 'start-failed', 'failing: attend'],
  ['down off', 'start-failed', 'down'],
  ['running running', 'start-failed', 'running: attend'],
  ['withdrawn running', 'start-failed', 'running: attend'],
  ['down running starting', 'learnt from off', 'running'],
  ['waiting running', 'started', 'looking: look'],
  ['waiting off', 'start-failed', 'looking: look'],
  ['stopping running', 'started', 'stopping: halt'],
  ['stopping off', 'start-failed', 'stopping: halt'],
  ['wanted running', 'started', 'wanted: halt'],
  ['wanted off', 'start-failed', 'wanted: halt'],

  // Answers do not outlive the machine.
  ['ready running', 'changed', 'running: take-back'],
  ['ready off', 'learnt from running', 'down: take-back died'],
  ['ready paused', 'learnt from running', 'down: take-back gone'],
  ['ready unknown', 'learnt from running', 'down: take-back lost'],
  ['ready running', 'learnt from running', 'ready'],

  // Changes that nobody here has asked for.
  ['down running', 'learnt from off', 'running: adopted count renew attend'],
  ['down running', 'learnt from suspended', 'running: adopted count renew attend'],
  ['down running', 'learnt from stopping', 'running: adopted renew attend'],
  ['down running', 'learnt from unknown', 'running: adopted renew attend'],
  ['down running lost', 'learnt from unknown', 'running: returned renew attend'],
  ['down off lost', 'learnt from unknown', 'down: returned'],
  ['down unknown', 'learnt from off', 'down: lost'],
  ['down unknown', 'learnt from unknown', 'down'],
  ['down unknown lost', 'learnt from unknown', 'down'],
  ['down off', 'learnt from unknown', 'down'],
  ['running off', 'learnt from running', 'down: died'],
  ['running suspended', 'learnt from running', 'down: gone'],
  ['running stopping', 'learnt from running', 'down'],
  ['ready stopping', 'learnt from running', 'down: take-back'],
  ['down off', 'learnt from stopping', 'down: died'],
  ['down paused', 'learnt from stopping', 'down: gone'],
  ['down off', 'learnt from paused', 'down: died'],
  ['down off', 'learnt from suspended', 'down'],
  ['failing off failing', 'learnt from running', 'failing: died'],
  ['failing running failing', 'learnt from off', 'failing: adopted count renew attend'],
  ['withdrawn off', 'learnt from running', 'down: died'],

  // A stop is decided twice, and answers are taken back before it begins.
  // A look takes the answers back, and whether anybody is answered further on depends on its outcome.
  ['ready running', 'due', 'ready: take-back'],
  ['ready running failing', 'silent', 'failing: take-back unready'],
  ['ready running', 'expired', 'withdrawn: take-back'],
  ['withdrawn running', 'kept', 'ready'],
  // Its traffic is asked for meanwhile, which takes its time: it is not ready, and goes on running.
  ['withdrawn running', 'used', 'ready: attend'],
  ['withdrawn running', 'learnt from running', 'withdrawn'],
  ['withdrawn running', 'changed', 'running'],
  ['withdrawn running failing', 'silent', 'failing: unready'],
  ['withdrawn running', 'reap', 'stopping: halt'],
  ['ready running', 'reap', 'stopping: take-back halt'],
  ['running running', 'reap', 'stopping: halt'],
  ['failing running failing', 'reap', 'stopping: halt'],
  ['failing off failing', 'reap', 'failing'],
  ['failing running starting failing', 'reap', 'failing'],
  ['running running starting', 'reap', 'running'],
  ['ready running', 'stop', 'stopping: take-back halt'],
  ['running running', 'stop', 'stopping: halt'],
  ['down off', 'stop', 'stopping: halt'],
  ['withdrawn running', 'stop', 'stopping: halt'],
  ['failing off starting failing', 'stop', 'stopping'],
  ['stopping off', 'stopped', 'down'],
  ['stopping off failing', 'stopped', 'failing'],
  ['stopping running', 'stopped', 'running: retry'],
  ['stopping off lost', 'stopped', 'down: returned'],
  ['wanted off', 'stopped', 'looking: look'],
  ['wanted running', 'stopped', 'looking: look'],
];

describe('the table of a life', () => {
  for (const [life, event, outcome] of TABLE) {
    it(`${life}, ${event}: ${outcome}`, () => {
      const [kind = '', before] = event.split(' from ');
      const { phase, effects } = next(lifeOf(life), kind as LifeEvent, before as PowerState | undefined);
      assert.equal([phase + (effects.length > 0 ? ':' : ''), ...effects].join(' '), outcome);
    });
  }

  it('has all that means anything', () => {
    const inTable = new Set(TABLE.map(([life, event]) => `${life.split(' ')[0]}, ${event.split(' ')[0]}`));
    const missing = new Set<string>();
    for (const phase of PHASES) {
      for (const event of EVENTS) {
        for (const state of STATES) {
          for (const before of STATES) {
            for (const replacement of [undefined, 'idle', 'now'] as const) {
              const life = { phase, state, starting: false, failing: false, lost: false, needy: true, replacement };
              const outcome = next(life, event, before);
              const means = outcome.phase !== phase || outcome.effects.length > 0;
              if (means && !inTable.has(`${phase}, ${event}`)) missing.add(`${phase}, ${event}`);
            }
          }
        }
      }
    }
    assert.deepEqual([...missing], []);
  });
});

describe('a life', () => {
  const state = fc.constantFrom<PowerState>(...STATES);
  const outdated = fc.constantFrom(undefined, undefined, 'idle' as const, 'now' as const);
  const happening = fc.record({ choice: fc.noBias(fc.nat(1_000)), state: fc.noBias(state), outdated });

  it('never breaks the promise, in whatever state it can get into', () => {
    const known = new Map<string, Model>();
    const news = [new Model(), new Model(true)];
    for (let model = news.pop(); model !== undefined; model = news.pop()) {
      if (known.has(model.text)) continue;
      known.set(model.text, model);
      for (const event of model.possible()) {
        for (const state of STATES) {
          for (const outdated of [undefined, 'idle', 'now'] as const) {
            const after = model.copy();
            after.happen(event, state, outdated);
            news.push(after);
          }
        }
      }
    }
    assert.ok(known.size > 100, `${known.size} states`);
  });

  it('never breaks the promise, whatever happens in whatever order', () => {
    fc.assert(
      fc.property(fc.array(happening, { minLength: 60, maxLength: 60 }), fc.boolean(), (happenings, needy) => {
        const model = new Model(needy);
        for (const { choice, state, outdated } of happenings) model.happenByChance(choice, state, outdated);
      }),
      { numRuns: 500 },
    );
  });

  it('ends every wait, when what is under way ends, and by its deadline at the latest', () => {
    fc.assert(
      fc.property(
        fc.array(happening, { minLength: 40, maxLength: 40 }),
        fc.array(state, { minLength: 30, maxLength: 30 }),
        fc.boolean(),
        (past, states, needy) => {
          const model = new Model(needy);
          for (const { choice, state, outdated } of past) model.happenByChance(choice, state, outdated);
          const then = model.text;
          for (const state of states) for (const event of model.underWay()) model.happen(event, state);
          // A machine that stays on its way for good is the deadline's business.
          if (model.summoned) model.happen('failed', 'off');
          for (const event of model.underWay()) model.happen(event, 'off');
          assert.equal(model.summoned, false, then);
          assert.deepEqual(model.underWay(), []);
          assert.ok(['down', 'running', 'failing', 'ready'].includes(model.phase), model.phase);
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** A life, and what follows from the effects that the table asks for. Only what is under way can end. */
class Model implements Life {
  phase: Phase = 'down';
  state: PowerState = 'unknown';
  starting = false;
  failing = false;
  lost = false;
  /** Whether somebody waits for a summon. */
  summoned = false;
  /** The step of the summon that is under way, by the event that ends it. */
  step: 'met' | 'looked' | 'turn' | 'answered' | undefined;
  halting = false;
  /** When its machine is to be replaced, where that runs by an earlier definition, and whether its summon has tried it. */
  outdated: 'idle' | 'now' | undefined;
  tried = false;

  constructor(readonly needy = false) {}

  get replacement(): 'idle' | 'now' | undefined {
    return this.tried ? undefined : this.outdated;
  }

  /** The events by which what is under way may end. */
  underWay(): LifeEvent[] {
    return [
      ...(this.step === undefined ? [] : [this.step]),
      ...(this.starting ? (['started'] as const) : []),
      ...(this.halting ? (['stopped'] as const) : []),
      ...(this.phase === 'withdrawn' ? (['kept'] as const) : []),
    ];
  }

  get text(): string {
    return JSON.stringify(this);
  }

  copy(): Model {
    return Object.assign(new Model(this.needy), this);
  }

  /** The events that can happen now. */
  possible(): LifeEvent[] {
    return EVENTS.filter((event) => this.#isPossible(event));
  }

  happenByChance(choice: number, state: PowerState, outdated: Model['outdated']): void {
    const events = this.possible();
    this.happen(events[choice % events.length] as LifeEvent, state, outdated);
  }

  happen(event: LifeEvent, state: PowerState, outdated?: Model['outdated']): void {
    const before = this.state;
    if (['looked', 'started', 'learnt', 'stopped'].includes(event)) {
      this.state = state;
      if (state !== 'unknown') this.outdated = state === 'off' ? undefined : outdated;
    }
    if (event === 'wake') this.summoned = true;
    const endsProbe = event === 'unanswered' || event === 'unmet';
    if (event === this.step || (endsProbe && this.step === 'answered')) this.step = undefined;
    if (event === 'started' || event === 'start-failed') this.starting = false;
    if (event === 'stopped') this.halting = false;
    if (event === 'silent') this.failing = true;
    const isBooting = this.phase === 'booting';
    this.#apply(event, before);
    // The lifecycle ends a summon whose start has failed.
    if (event === 'start-failed' && isBooting) this.#apply('failed', this.state);
    this.#check();
  }

  #isPossible(event: LifeEvent): boolean {
    const { phase, summoned, starting, halting, step } = this;
    switch (event) {
      case 'wake':
        return !summoned && phase !== 'ready' && phase !== 'withdrawn';
      case 'met':
      case 'looked':
      case 'turn':
      case 'answered':
        return step === event;
      case 'unmet':
        return this.needy && (phase === 'ready' || step === 'answered');
      case 'unanswered':
        return step === 'answered' && this.replacement !== undefined;
      case 'started':
      case 'start-failed':
        return starting;
      case 'stopped':
        return halting;
      case 'failed':
      case 'refused':
        return summoned;
      case 'expired':
      case 'due':
        return phase === 'ready';
      case 'silent':
        return phase === 'ready' || phase === 'withdrawn';
      case 'kept':
      case 'used':
        return phase === 'withdrawn';
      case 'learnt':
      case 'changed':
      case 'stop':
      case 'reap':
        return true;
    }
  }

  #apply(event: LifeEvent, before: PowerState): void {
    const was = this.phase;
    const { phase, effects } = next(this, event, before);
    if (was === 'ready' && phase !== 'ready') assert.equal(effects[0], 'take-back', 'answers are taken back first');
    if (event === 'changed') assert.notEqual(phase, 'ready', 'what may be gone is not ready');
    if (event === 'reap' && phase !== was) assert.equal(this.summoned, false, 'no policy ends a summon');
    if (effects.includes('succeed')) assert.ok(['running', 'unknown'].includes(this.state), `answered ${this.state}`);
    this.phase = phase;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    switch (effect) {
      case 'need':
        assert.equal(this.needy, true);
        return this.#begin('met');
      case 'look':
      case 'poll':
        return this.#begin('looked');
      case 'queue':
        return this.#begin('turn');
      case 'probe':
        return this.#begin('answered');
      case 'start':
      case 'resume':
      case 'unpause':
        assert.equal(this.starting, false, 'one boot at a time');
        assert.equal(this.halting, false, 'no boot while it is stopped');
        this.starting = true;
        return;
      case 'halt':
        assert.deepEqual([this.halting, this.starting], [false, false], 'one stop at a time, and none while it boots');
        this.halting = true;
        return;
      case 'replace':
        assert.deepEqual([this.halting, this.starting], [false, false], 'one stop at a time, and none while it boots');
        assert.equal(this.tried, false, 'a summon replaces its machine once');
        assert.notEqual(this.outdated, undefined, 'nothing is replaced that is as it should be');
        this.tried = true;
        this.halting = true;
        return;
      case 'succeed':
      case 'fail':
      case 'refuse':
      case 'end-died':
      case 'end-unreachable':
      case 'end-stopped':
        this.tried = false;
        assert.equal(this.summoned, true, 'nobody is told twice');
        this.summoned = false;
        this.step = undefined;
        if (effect === 'succeed') this.failing = false;
        if (effect === 'fail' || effect === 'end-died') this.failing = true;
        return;
      case 'lost':
      case 'returned':
        assert.equal(this.lost, effect === 'returned');
        this.lost = effect === 'lost';
        return;
      case 'attend':
      case 'retry':
        assert.equal(this.state, 'running', 'only what runs is reaped');
        return;
      default:
    }
  }

  #begin(step: 'met' | 'looked' | 'turn' | 'answered'): void {
    assert.equal(this.step, undefined, 'a summon takes one step at a time');
    this.step = step;
  }

  #check(): void {
    const { phase, state, starting, halting, summoned, failing, step } = this;
    const name = PHASE_NAMES[phase];
    if (phase === 'ready' || phase === 'withdrawn') {
      assert.deepEqual([state, starting, halting], ['running', false, false], 'never ready while not running');
    }
    assert.equal(summoned, name === 'summoning' || phase === 'wanted', `${phase}: somebody waits, or nobody does`);
    if (name === 'stopping') assert.ok(halting || starting, 'a stop is under way, or the start that it waits for');
    else assert.equal(halting, false, 'no stop goes on unseen');
    if (name === 'summoning') assert.ok(starting || step !== undefined, 'what a summon waits for is under way');
    if (summoned) assert.ok(next(this, 'failed').effects.includes('fail'), 'its deadline ends every summon');
    if (phase === 'failing') assert.equal(failing, true);
    if (phase === 'running') assert.equal(state, 'running');
  }
}

function lifeOf(text: string): Life {
  const [phase, state, ...flags] = text.split(' ');
  const [starting, failing, lost, needy] = ['starting', 'failing', 'lost', 'needy'].map((flag) => flags.includes(flag));
  const replacement = ['idle', 'now'].find((moment) => flags.includes(moment));
  return { phase, state, starting, failing, lost, needy, replacement } as Life;
}
