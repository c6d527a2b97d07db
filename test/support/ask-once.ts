/** A program that asks a DNS server on 127.0.0.1 (port, name, type), and prints its reply as JSON. */
import { askOverUdp } from './ask-over-udp.js';

const [, , port, name = '', type] = process.argv;
console.log(JSON.stringify(await askOverUdp(Number(port), name, type)));
