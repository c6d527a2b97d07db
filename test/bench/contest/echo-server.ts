/** The least that a DNS server in Node can do: it sends each query back with the response bit set (RFC 1035, 4.1.1). */
import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (message, { port, address }) => {
  message.writeUInt8(message.readUInt8(2) | 0x80, 2);
  socket.send(message, port, address);
});
socket.bind(Number(process.argv[2]), '127.0.0.1');
