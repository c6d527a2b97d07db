import { JitsuChild } from '../bench/jitsu-child.js';

/** Starts a Jitsu as a bench does, tells its process id, and waits for its own end. */
const web = { name: 'web', dns: 'web.test', ip: '127.0.0.9', backend: 'process', command: 'sleep 1000' };
const jitsu = await JitsuChild.start([web], 'web.test');
console.log(jitsu.pid);
setInterval(() => undefined, 1_000);
