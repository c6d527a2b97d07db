import type { PowerState } from '../contracts/machine.js';

/**
 * The phases of a unikernel's life.
 *
 * - At rest: `down`, `running` (it executes, but it is not known whether its service answers), `failing` (its last
 *   summon has failed by its own fault, or its service has stopped answering), `ready` (its service has answered since it was started).
 * - `withdrawn`: its answers are taken back, so that its stop policies can be asked a last time, with what is known of its
 *   traffic.
 * - Summoned: `waiting` for the end of a start that has outlived its own summon, `needing` until all that it needs is
 *   ready, `looking` at the state of its machine,
 *   `queued` for its turn to boot, `settling` while the machine changes to another state, `booting` while the backend
 *   starts, resumes or unpauses it, `rising` while it still changes state after that, `probing` until its service
 *   answers.
 * - `stopping`: stops are under way, or wait for the end of a start. `wanted`: the same, and a summon waits for their
 *   end, be it that the stop came first or that the machine is to be replaced.
 * - `released`: it is no unikernel of this Jitsu any more, and nothing follows from any event.
 */
export type Phase =
  | 'down'
  | 'running'
  | 'failing'
  | 'ready'
  | 'withdrawn'
  | 'waiting'
  | 'needing'
  | 'looking'
  | 'queued'
  | 'settling'
  | 'booting'
  | 'rising'
  | 'probing'
  | 'stopping'
  | 'wanted'
  | 'released';

/** When a machine that runs by an earlier definition is replaced: once it is not used any more, or at once. */
export type ReplaceMoment = 'idle' | 'now';

/** The state of a unikernel that decides its next phase. */
export interface Life {
  readonly phase: Phase;
  /** The state that its backend last reported. */
  readonly state: PowerState;
  /** Whether the backend is starting, resuming or unpausing it for us, even after the summon that asked for it. */
  readonly starting: boolean;
  /** Whether its last summon has failed by its own fault, or its service has stopped answering. */
  readonly failing: boolean;
  /** Whether the loss of its backend has been announced, and its return not yet. */
  readonly lost: boolean;
  /** Whether others have to be ready before it boots. */
  readonly needy?: boolean;
  /** When its machine is replaced, where that runs by an earlier definition. */
  readonly replacement?: ReplaceMoment | undefined;
}

/**
 * The events.
 *
 * - `wake`: a query or a command asks for it. `met`: all that it needs is ready. `unmet`: that is not so any more. `looked`: its summon knows the state of its machine. `turn`: its turn to
 *   boot has come.
 * - `started`: the backend has carried out a start, and the machine was looked at. `start-failed`: it has not.
 * - `answered`: its service answers. `unanswered`: that of an outdated machine does not. `failed`: its summon has failed.
 *   `refused`: the same, but not by its own fault.
 * - `learnt`: its backend has reported its state, by itself or asked by the follower. `changed`: its backend reports a
 *   change, and the machine has not been looked at yet.
 * - `due`: its service is to be looked at again, if its answers were used. `silent`: it does not answer any more.
 * - `expired`: its stop policies no longer keep it. `kept`: they do, now that all uses are known. `used`: somebody wakes
 *   it meanwhile. `reap`: they do not keep it.
 * - `stop`: a command stops it. `stopped`: the last stop has ended, with or without success.
 */
export type LifeEvent =
  | 'wake'
  | 'met'
  | 'unmet'
  | 'looked'
  | 'turn'
  | 'started'
  | 'start-failed'
  | 'answered'
  | 'unanswered'
  | 'failed'
  | 'refused'
  | 'learnt'
  | 'changed'
  | 'due'
  | 'silent'
  | 'expired'
  | 'kept'
  | 'used'
  | 'reap'
  | 'stop'
  | 'stopped';

/**
 * The effects of a transition, which are carried out in this order.
 *
 * - `take-back`: ends the leases of its answers.
 * - `need` (bring all that it needs to ready), `look`, `queue`, `poll` (look again shortly), `start`, `resume`, `unpause`, `probe`: the next step of its summon.
 * - `replace`: the machine is stopped, so that its summon can start it anew.
 * - `succeed`; `fail`, `refuse`, by its own fault or not; `end-died`, `end-unreachable`, `end-stopped`: the summon
 *   ends, and all its waiters get the outcome.
 * - `lost`, `returned`, `adopted`, `died`, `gone`, `unready`: announcements; `gone` is a stop that Jitsu did not ask
 *   for.
 * - `count`: counts a start that Jitsu did not cause. `renew`: its run begins anew. `attend`: it runs, and the reaper
 *   considers it.
 * - `halt`: its machine is stopped. `retry`: it runs although a stop has ended, and its policies are asked again later.
 */
export type Effect =
  | 'take-back'
  | 'need'
  | 'look'
  | 'queue'
  | 'poll'
  | 'start'
  | 'resume'
  | 'unpause'
  | 'probe'
  | 'replace'
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
  | 'unready'
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

/** The effect of a wake on a machine in each state: none where it runs, or where the state is unknown. */
const STEPS: Readonly<Record<PowerState, 'start' | 'resume' | 'unpause' | 'wait' | 'none'>> = {
  off: 'start',
  suspended: 'resume',
  paused: 'unpause',
  starting: 'wait',
  stopping: 'wait',
  running: 'none',
  // A start would risk more than an answer.
  unknown: 'none',
};

const NOTHING: readonly never[] = [];

const to = (phase: Phase, ...effects: Effect[]): Transition => ({ phase, effects });

/**
 * Whether a summon replaces its machine before it looks for the service: one that does not execute has nobody who uses
 * it, and what was saved of it belongs to an earlier definition.
 */
function isReplacedFirst({ replacement, state }: Life): boolean {
  if (replacement === undefined) return false;
  return state === 'suspended' || state === 'paused' || (replacement === 'now' && state === 'running');
}

/** At rest, in the phase that follows from its state and its last summon. */
function rest({ failing, state }: Life, ...effects: Effect[]): Transition {
  return to(failing ? 'failing' : state === 'running' ? 'running' : 'down', ...effects);
}

/** At rest, and considered by the reaper where it runs. */
function restAttended(life: Life, ...effects: Effect[]): Transition {
  return life.state === 'running' ? rest(life, ...effects, 'attend') : rest(life, ...effects);
}

/** The first step of a summon: what it needs is ready before it takes a place among the boots. */
function seek({ needy }: Life): Transition {
  return needy === true ? to('needing', 'need') : to('looking', 'look');
}

/** The next phase towards a running machine, by its state. */
function boot({ state }: Life): Transition {
  const step = STEPS[state];
  if (step === 'none') return to('probing', 'probe');
  return step === 'wait' ? to('settling', 'poll') : to('booting', step);
}

/** The next phase after a boot. */
function rise({ state }: Life): Transition {
  const step = STEPS[state];
  if (step === 'none') return to('probing', 'probe');
  return step === 'wait' ? to('rising', 'poll') : to('failing', 'end-died');
}

/** A change that Jitsu did not cause. */
function change(life: Life, before: PowerState, ...effects: Effect[]): Transition {
  const { state, starting } = life;
  // The effect of our own start is not announced; it is attended to when the start has ended.
  if (starting) return rest(life, ...effects);
  const all = [...effects, ...news(life, before)];
  if (state !== 'running' || before === 'running') return rest(life, ...all);
  // A start by others counts as a start. A machine that ran before the first look does not.
  if (before !== 'unknown' && before !== 'stopping') all.push('count');
  // Its clients may have cached its address long ago: it gets as much time as after a query.
  return rest(life, ...all, 'renew', 'attend');
}

function news({ state, lost }: Life, before: PowerState): readonly Effect[] {
  if (state === before || lost) return NOTHING;
  if (state === 'unknown') return ['lost'];
  if (state === 'running') return ['adopted'];
  // The outcome is announced when it is reached: it is chance whether a look sees the state in between.
  if (state === 'stopping') return NOTHING;
  // A hypervisor may pause what has crashed before it ends it.
  if (state === 'off') return before === 'running' || before === 'stopping' || before === 'paused' ? ['died'] : NOTHING;
  return before === 'running' || before === 'stopping' ? ['gone'] : NOTHING;
}

/** Ends a summon whose machine is gone. */
function interrupt(life: Life, before: PowerState): Transition {
  const { phase, state } = life;
  if (state === 'unknown' && before !== 'unknown') return rest(life, 'end-unreachable');
  // One that is probed is to run, and whatever it was seen as on its way down, it does not answer any more.
  if (phase === 'probing') return state === 'off' || state === 'suspended' ? to('failing', 'end-died') : to(phase);
  // A machine that is still to be booted may have been stopping or paused before. Once its boot has begun, only one that
  // ran is seen stopping; a start that comes to nothing tells its reason by itself.
  const ran = before === 'running' || (before === 'stopping' && (phase === 'booting' || phase === 'rising'));
  return state === 'off' && ran ? to('failing', 'end-died') : to(phase);
}

/** Its service has answered. */
function answer({ state }: Life): Transition {
  if (state === 'running') return to('ready', 'succeed', 'attend');
  // A machine in an unknown state is not ready: the next query looks again.
  if (state === 'unknown') return to('down', 'succeed');
  // What still answers of a machine that is on its way down, or does not run yet, is no promise.
  return to('rising', 'poll');
}

const stay: Rule = ({ phase }) => to(phase);

/** A stop waits for the end of a start: only then is there a machine to stop. */
const halt = ({ starting }: Life, ...effects: Effect[]): Transition =>
  starting ? to('stopping', ...effects) : to('stopping', ...effects, 'halt');

type Rules = Partial<Record<LifeEvent, Rule>>;

const AT_REST: Rules = {
  wake: (life) => (life.starting ? to('waiting') : seek(life)),
  learnt: change,
  started: (life) => restAttended(life),
  // Somebody else may have started it meanwhile.
  'start-failed': (life) => restAttended(life),
  stop: (life) => halt(life),
};

/** Policies are asked only about a unikernel that runs and is not being started again. */
const EXECUTING: Rules = {
  ...AT_REST,
  reap: (life) => (life.state === 'running' && !life.starting ? halt(life) : stay(life, life.state)),
};

const SUMMONED: Rules = {
  failed: (life) => restAttended({ ...life, failing: true }, 'fail'),
  refused: (life) => restAttended(life, 'refuse'),
  stop: (life) => halt(life, 'end-stopped'),
};

/** A summon uses the backend's reports only after its own first look: a death before that is a reason to boot. */
const HAS_LOOKED: Rules = { ...SUMMONED, learnt: interrupt };

const RULES: Readonly<Record<Phase, Rules>> = {
  down: AT_REST,
  running: EXECUTING,
  failing: EXECUTING,
  ready: {
    learnt: (life, before) => (life.state === 'running' ? stay(life, before) : change(life, before, 'take-back')),
    // Answers must not outlive the machine, not even for the time that a look takes.
    changed: (life) => rest(life, 'take-back'),
    due: () => to('ready', 'take-back'),
    // It runs on; the next query brings what it needs to ready again.
    unmet: (life) => rest(life, 'take-back'),
    silent: (life) => rest(life, 'take-back', 'unready'),
    expired: () => to('withdrawn', 'take-back'),
    reap: (life) => halt(life, 'take-back'),
    stop: (life) => halt(life, 'take-back'),
  },
  withdrawn: {
    ...EXECUTING,
    learnt: (life, before) => (life.state === 'running' ? stay(life, before) : change(life, before)),
    changed: (life) => rest(life),
    silent: (life) => rest(life, 'unready'),
    kept: () => to('ready'),
    used: () => to('ready', 'attend'),
    unmet: (life) => rest(life),
  },
  waiting: { ...SUMMONED, started: seek, 'start-failed': seek },
  needing: {
    ...SUMMONED,
    met: () => to('looking', 'look'),
    // It may take long, and what becomes of its machine meanwhile is news.
    learnt: (life, before) => ({ ...change(life, before), phase: life.phase }),
  },
  looking: {
    ...SUMMONED,
    looked: (life) => {
      if (isReplacedFirst(life)) return to('wanted', 'replace');
      return STEPS[life.state] === 'none' ? to('probing', 'probe') : to('queued', 'queue');
    },
  },
  queued: { ...HAS_LOOKED, turn: boot },
  settling: { ...HAS_LOOKED, looked: boot },
  booting: { ...HAS_LOOKED, started: rise },
  rising: { ...HAS_LOOKED, looked: rise },
  probing: {
    ...HAS_LOOKED,
    answered: answer,
    unmet: seek,
    // Its service may be meant to answer in another way by now. Nobody can use it as it is.
    unanswered: () => to('wanted', 'replace'),
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
    stopped: seek,
    failed: () => to('stopping', 'fail'),
    refused: () => to('stopping', 'refuse'),
    stop: () => to('stopping', 'end-stopped'),
  },
  released: {},
};

/**
 * The next phase and the effects; an event without a rule in a phase changes nothing.
 * @param before the state reported before this event, for `learnt`
 */
export function next(life: Life, event: LifeEvent, before: PowerState = life.state): Transition {
  const transition = (RULES[life.phase][event] ?? stay)(life, before);
  if (!life.lost || life.state === 'unknown') return transition;
  return { phase: transition.phase, effects: ['returned', ...transition.effects] };
}

/** The name of each phase in `jitsu status`. */
export const PHASE_NAMES = {
  down: 'down',
  running: 'running',
  failing: 'failing',
  ready: 'ready',
  withdrawn: 'running',
  waiting: 'summoning',
  needing: 'summoning',
  looking: 'summoning',
  queued: 'summoning',
  settling: 'summoning',
  booting: 'summoning',
  rising: 'summoning',
  probing: 'summoning',
  stopping: 'stopping',
  wanted: 'stopping',
  released: 'down',
} as const satisfies Record<Phase, string>;
