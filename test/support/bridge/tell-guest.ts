import { once } from 'node:events';
import { connect } from 'node:net';
import type { GuestReport } from './bridged-guest.js';

/** Tells a guest one word by its socket. */
export async function tellGuest(path: string, word: string): Promise<GuestReport> {
  const socket = connect(path);
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => (text += data));
  await once(socket, 'connect');
  socket.write(`${word}\n`);
  while (!text.endsWith('\n')) await once(socket, 'data');
  socket.destroy();
  return JSON.parse(text) as GuestReport;
}
