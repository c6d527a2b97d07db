import type { PowerState } from '../contracts/machine.js';

/**
 * Where a unikernel is in its life.
 *
 * - At rest: `down`, `running` (it executes, but whether its service answers is not known), `failing` (its last summon
 *   came to nothing by its own fault), `ready` (its service has answered since it was started).
 * - `withdrawn`: its answers are taken back, so that its stop policies can be asked for the last time.
 * - Summoned: `waiting` for the end of a start that has outlived its own summon, `looking` at how its machine is,
 *   `queued` for its turn to boot, `settling` where the machine is on its way to another state, `booting` while the
 *   backend starts, resumes or unpauses it, `rising` where it is still on its way after that, `probing` until its service
 *   answers.
 * - `stopping`: stops are under way, or wait for the end of a start. `wanted`: so, and a summon waits for their end.
 */
export type Phase =
  | 'down'
  | 'running'
  | 'failing'
  | 'ready'
  | 'withdrawn'
  | 'waiting'
  | 'looking'
  | 'queued'
  | 'settling'
  | 'booting'
  | 'rising'
  | 'probing'
  | 'stopping'
  | 'wanted';

/** All of a unikernel on which its next phase depends. */
export interface Life {
  readonly phase: Phase;
  /** What its backend last said. */
  readonly state: PowerState;
  /** Whether the backend is starting, resuming or unpausing it for us, also when the summon that asked for it is over. */
  readonly starting: boolean;
  /** Whether its last summon came to nothing by its own fault. */
  readonly failing: boolean;
  /** Whether its backend went away while we looked after it. */
  readonly lost: boolean;
}

/**
 * What can happen.
 *
 * - `wake`: somebody asks for it. `looked`: its summon has asked how its machine is. `turn`: its turn to boot has come.
 * - `started`: the backend has carried out a start, and was asked how the machine is. `start-failed`: it has not.
 * - `answered`: its service answers. `failed`: its summon came to nothing. `refused`: so, but by no fault of its own.
 * - `learnt`: its backend has said how it is, unasked or asked by the follower. `doubted`: its backend tells of a change
 *   that we have not looked at yet.
 * - `expired`: its stop policies no longer keep it. `kept`: now that all uses are known, they do. `reap`: they do not.
 * - `stop`: a command stops it. `stopped`: the last stop is over, well or badly.
 */
export type LifeEvent =
  | 'wake'
  | 'looked'
  | 'turn'
  | 'started'
  | 'start-failed'
  | 'answered'
  | 'failed'
  | 'refused'
  | 'learnt'
  | 'doubted'
  | 'expired'
  | 'kept'
  | 'reap'
  | 'stop'
  | 'stopped';

/**
 * What follows, in this order.
 *
 * - `take-back`: whoever relies on its answers is told that they no longer hold.
 * - `look`, `queue`, `poll` (look again shortly), `start`, `resume`, `unpause`, `probe`: the next step of its summon.
 * - `succeed`; `fail`, `refuse`, by its own fault or not; `end-died`, `end-unreachable`, `end-stopped`: the summon ends, and everybody who waits is told.
 * - `lost`, `returned`, `adopted`, `died`, `gone`: news; `gone` is a stop that nobody here had asked for.
 * - `count`: somebody else has started it. `renew`: its time begins anew. `attend`: it runs, and is to be reaped in time.
 * - `halt`: its machine is stopped. `retry`: it runs although a stop is over, and its policies are asked again later.
 */
export type Effect =
  | 'take-back'
  | 'look'
  | 'queue'
  | 'poll'
  | 'start'
  | 'resume'
  | 'unpause'
  | 'probe'
  | 'succeed'
  | 'fail'
  | 'refuse'
  | 'end-died'
  | 'end-unreachable'
  | 'end-stopped'
  | 'lost'
  | 'returned'
  | 'adopted'
  | 'died'
  | 'gone'
  | 'count'
  | 'renew'
  | 'attend'
  | 'halt'
  | 'retry';

export interface Transition {
  readonly phase: Phase;
  readonly effects: readonly Effect[];
}

type Rule = (life: Life, before: PowerState) => Transition;

/** What a wake does to a machine in each state: nothing where it runs, or where nobody can tell. */
const STEPS: Readonly<Record<PowerState, 'start' | 'resume' | 'unpause' | 'wait' | 'none'>> = {
  off: 'start',
  suspended: 'resume',
  paused: 'unpause',
  starting: 'wait',
  stopping: 'wait',
  running: 'none',
  // Starting it would risk more than answering.
  unknown: 'none',
};

const NOTHING: readonly never[] = [];

const to = (phase: Phase, ...effects: Effect[]): Transition => ({ phase, effects });

/** At rest, in the phase that its state and its last summon say. */
function rest({ failing, state }: Life, ...effects: Effect[]): Transition {
  return to(failing ? 'failing' : state === 'running' ? 'running' : 'down', ...effects);
}

/** At rest, and looked after where it runs. */
function restAttended(life: Life, ...effects: Effect[]): Transition {
  return life.state === 'running' ? rest(life, ...effects, 'attend') : rest(life, ...effects);
}

/** Whether the machine can be brought to run, and by what. */
function boot({ state }: Life): Transition {
  const step = STEPS[state];
  if (step === 'none') return to('probing', 'probe');
  return step === 'wait' ? to('settling', 'poll') : to('booting', step);
}

/** After a boot. */
function rise({ state }: Life): Transition {
  const step = STEPS[state];
  if (step === 'none') return to('probing', 'probe');
  return step === 'wait' ? to('rising', 'poll') : to('failing', 'end-died');
}

/** A change that nobody here has asked for. */
function change(life: Life, before: PowerState, ...effects: Effect[]): Transition {
  const { state, starting } = life;
  // What our own start brings about is no news; it is attended to when the start is over.
  if (starting) return rest(life, ...effects);
  const all = [...effects, ...news(life, before)];
  if (state !== 'running' || before === 'running') return rest(life, ...all);
  // Somebody else has started it: a start of it all the same. One that ran before we looked is none.
  if (before !== 'unknown' && before !== 'stopping') all.push('count');
  // Its clients may have learnt its address long ago: it gets as much time as if it had just been asked for.
  return rest(life, ...all, 'renew', 'attend');
}

function news({ state, lost }: Life, before: PowerState): readonly Effect[] {
  if (state === before || lost) return NOTHING;
  if (state === 'unknown') return ['lost'];
  if (state === 'running') return ['adopted'];
  // What it comes to is told once it is there: whether a look sees it on its way is chance.
  if (state === 'stopping' || (before !== 'running' && before !== 'stopping')) return NOTHING;
  return [state === 'off' ? 'died' : 'gone'];
}

/** Its summon does not go on waiting for a machine that is gone. */
function interrupt(life: Life, before: PowerState): Transition {
  const { phase, state } = life;
  if (state === 'unknown' && before !== 'unknown') return rest(life, 'end-unreachable');
  // A machine that is still to be booted may have been on its way down before.
  const ran = before === 'running' || (before === 'stopping' && phase === 'probing');
  return state === 'off' && ran ? to('failing', 'end-died') : to(phase);
}

const stay: Rule = ({ phase }) => to(phase);

/** A stop waits for the end of a start: only then is there a machine that can be stopped. */
const halt = ({ starting }: Life, ...effects: Effect[]): Transition =>
  starting ? to('stopping', ...effects) : to('stopping', ...effects, 'halt');

type Rules = Partial<Record<LifeEvent, Rule>>;

const AT_REST: Rules = {
  wake: ({ starting }) => (starting ? to('waiting') : to('looking', 'look')),
  learnt: change,
  started: (life) => restAttended(life),
  stop: (life) => halt(life),
};

/** Policies are asked only of one that runs, and is not being started anew. */
const EXECUTING: Rules = {
  ...AT_REST,
  reap: (life) => (life.state === 'running' && !life.starting ? halt(life) : stay(life, life.state)),
};

const SUMMONED: Rules = {
  failed: (life) => restAttended({ ...life, failing: true }, 'fail'),
  refused: (life) => restAttended(life, 'refuse'),
  stop: (life) => halt(life, 'end-stopped'),
};

/** Its summon relies on what the backend says only from its own first look on: a death before that is a reason to boot. */
const HAS_LOOKED: Rules = { ...SUMMONED, learnt: interrupt };

const RULES: Readonly<Record<Phase, Rules>> = {
  down: AT_REST,
  running: EXECUTING,
  failing: EXECUTING,
  ready: {
    learnt: (life, before) => (life.state === 'running' ? stay(life, before) : change(life, before, 'take-back')),
    // Answers must not outlive the machine, not even for the time that a look takes.
    doubted: (life) => rest(life, 'take-back'),
    expired: () => to('withdrawn', 'take-back'),
    reap: (life) => halt(life, 'take-back'),
    stop: (life) => halt(life, 'take-back'),
  },
  withdrawn: { ...EXECUTING, kept: () => to('ready') },
  waiting: { ...SUMMONED, started: () => to('looking', 'look'), 'start-failed': () => to('looking', 'look') },
  looking: {
    ...SUMMONED,
    looked: ({ state }) => (STEPS[state] === 'none' ? to('probing', 'probe') : to('queued', 'queue')),
  },
  queued: { ...HAS_LOOKED, turn: boot },
  settling: { ...HAS_LOOKED, looked: boot },
  booting: { ...HAS_LOOKED, started: rise },
  rising: { ...HAS_LOOKED, looked: rise },
  probing: {
    ...HAS_LOOKED,
    // Of a machine in an unknown state no promise is kept: the next query looks again.
    answered: (life) => (life.state === 'running' ? to('ready', 'succeed', 'attend') : to('down', 'succeed')),
  },
  stopping: {
    wake: () => to('wanted'),
    started: () => to('stopping', 'halt'),
    'start-failed': () => to('stopping', 'halt'),
    stopped: (life) => (life.state === 'running' ? rest(life, 'retry') : rest(life)),
  },
  wanted: {
    started: () => to('wanted', 'halt'),
    'start-failed': () => to('wanted', 'halt'),
    stopped: () => to('looking', 'look'),
    failed: () => to('stopping', 'fail'),
    refused: () => to('stopping', 'refuse'),
    stop: () => to('stopping', 'end-stopped'),
  },
};

/**
 * The phase that follows, and what is to be done; a phase in which an event means nothing stays as it is.
 * @param before what the backend had said until then, for `learnt`
 */
export function next(life: Life, event: LifeEvent, before: PowerState = life.state): Transition {
  const transition = (RULES[life.phase][event] ?? stay)(life, before);
  if (!life.lost || life.state === 'unknown') return transition;
  return { phase: transition.phase, effects: ['returned', ...transition.effects] };
}

/** What `jitsu status` calls each phase. */
export const PHASE_NAMES = {
  down: 'down',
  running: 'running',
  failing: 'failing',
  ready: 'ready',
  withdrawn: 'running',
  waiting: 'summoning',
  looking: 'summoning',
  queued: 'summoning',
  settling: 'summoning',
  booting: 'summoning',
  rising: 'summoning',
  probing: 'summoning',
  stopping: 'stopping',
  wanted: 'stopping',
} as const satisfies Record<Phase, string>;
