import { ADDRESS, LineProgram, type Load, type PortPair, type Side } from './side.ts';

/** scripts/bench/media-floor.c: what moving the packets alone needs. */
export async function startFloor(program: string, { work, calls, parties }: Load): Promise<Side> {
  const floor = new LineProgram(program, [ADDRESS, String(calls), work, ...parties.map(String)]);
  const ports: PortPair[] = [];
  while (ports.length < calls) {
    const [first = 0, second = 0] = (await floor.line()).split(' ').map(Number);
    ports.push([first, second]);
  }
  return { name: 'C floor', pid: floor.pid, ports, close: () => floor.finish() };
}
