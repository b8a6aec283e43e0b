import { heading, report } from '../../support/bench-report.ts';
import { measureParser, register } from '../message/bench.ts';

const COPIES = 200_000;

/** What it costs to read a REGISTER and to write it again, against copying its bytes and making a text of them. */
export function messageCost(rounds: number): void {
  const copies: number[] = [];
  const messages: number[] = [];
  const answers: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round += 1) {
    const { requestBytes, parseUs, serializeUs, respondUs } = measureParser({ rounds: 5 });
    copies.push(copyUs());
    messages.push(parseUs + serializeUs);
    answers.push(respondUs);
    bytes = requestBytes;
  }
  heading(`A REGISTER of ${bytes} bytes`);
  report('parse and serialise (at most 5 µs)', messages, ' µs');
  report('make and serialise its 200', answers, ' µs');
  report(
    'parse and serialise / copy and toString',
    messages.map((message, round) => message / (copies[round] ?? Number.NaN)),
    '',
    1,
  );
}

function copyUs(): number {
  let length = 0;
  const start = process.cpuUsage();
  for (let count = 0; count < COPIES; count += 1) length += Buffer.from(register).toString('latin1').length;
  const { user, system } = process.cpuUsage(start);
  if (length !== COPIES * register.length) throw new Error('a copy is not whole');
  return (user + system) / COPIES;
}
