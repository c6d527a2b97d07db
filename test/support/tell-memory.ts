/**
 * Imported first by a program whose memory is wanted: at SIGUSR2 it collects what nobody holds any more, and writes to
 * its errors how many bytes are held.
 */
import { heapInUse } from './heap-in-use.js';

process.on('SIGUSR2', () => void heapInUse().then((bytes) => process.stderr.write(`held: ${bytes}\n`)));
