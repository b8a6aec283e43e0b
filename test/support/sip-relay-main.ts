/**
 * A SipRelay in a process of its own, for a network namespace: what it relays comes as JSON in the first argument, and its
 * port goes to standard output. It ends with its standard input.
 */
import { SipRelay } from './sip-relay.ts';

const relay = await SipRelay.open(JSON.parse(process.argv[2] ?? ''));
process.stdout.write(`${relay.port}\n`);
process.stdin.resume().on('end', () => relay.close());
