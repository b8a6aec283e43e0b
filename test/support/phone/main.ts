import { createInterface } from 'node:readline';
import type { PhoneOptions } from './phone.ts';
import type { PhoneCommand, PhoneResult } from './remote-phone.ts';
import { TestPhone } from './test-phone.ts';

/** A TestPhone that is spoken to in JSON lines; RemotePhone is the other end. The end of its input ends it. */

let phone: TestPhone | undefined;

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command: PhoneCommand = JSON.parse(line);
    run(command).then(
      (result) => answer({ id: command.id, result: result ?? null }),
      (error: unknown) => answer({ id: command.id, error: error instanceof Error ? error.message : String(error) }),
    );
  })
  .on('close', () => {
    void (phone?.close() ?? Promise.resolve()).then(() => process.exit(0));
  });

function answer(result: PhoneResult): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function run({ method, args }: PhoneCommand): Promise<unknown> {
  // JSON has no undefined: null stands for an argument that was left out.
  const given = args.map((value) => value ?? undefined);
  if (method === 'start') {
    phone = await TestPhone.start(given[0] as PhoneOptions);
    return undefined;
  }
  if (phone === undefined) throw new Error('the first command must be start');
  const call = phone[method] as (...values: unknown[]) => Promise<unknown>;
  return call.apply(phone, given);
}
