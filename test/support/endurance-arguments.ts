import { describeMachine } from '../bench/machine.js';
import { commandArguments } from './command-arguments.js';

/** What a test of an hour was told by its arguments, which are printed with the machine. */
export interface EnduranceArguments {
  readonly minutes: number;
  readonly transport: string;
  readonly seed: number;
}

/** @param help its first lines: how it is called, and what it does */
export function enduranceArguments(help: string): EnduranceArguments {
  const text = `${help}

  --minutes COUNT    For so long. (60)
  --transport NAME   Its dns.transport: auto, mmsg or dgram. (auto)
  --seed NUMBER      What is random is the same for the same number.`;
  const { values } = commandArguments(text, {
    options: {
      minutes: { type: 'string', default: '60' },
      transport: { type: 'string', default: 'auto' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('--minutes and --seed take numbers');
  console.log(`${describeMachine()}; transport ${values.transport}, ${minutes} minutes, --seed ${seed}`);
  return { minutes, transport: values.transport, seed };
}
