import t from 'tap';
import { freePorts } from '../support/free-ports.ts';
import { buildNativeChecks } from '../support/native-checks.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

/** Of hostile-arguments.ts. */
const PORTS = 12;
/** Its process ends with that when a sanitizer has found something. */
const SANITIZER = { ASAN_OPTIONS: 'detect_leaks=0:exitcode=99', UBSAN_OPTIONS: 'print_stacktrace=1' } as const;

t.before(buildNativeChecks);

t.test('whatever JavaScript calls the addon with, under sanitizers: refused by name, and never a fault', async (t) => {
  // Node knows nothing of the sanitizer, which has to be there before anything else is.
  const sanitizer = (await outputOf('gcc', ['-print-file-name=libasan.so'])).toString().trim();
  const environment = Object.entries({ ...SANITIZER, LD_PRELOAD: sanitizer }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const program = `${repositoryPath}/test/media/hostile-arguments.ts`;
  const addon = `${repositoryPath}/build/native/x64/check/media.node`;
  const port = String(await freePorts(['127.0.0.1'], PORTS));
  const output = await outputOf(
    'env',
    [...environment, process.execPath, program, addon, port, t.testdir()],
    undefined,
    200_000,
  );
  const [, called = 0, refused = 0] = (/^(\d+) calls, (\d+) refused\n$/.exec(output.toString()) ?? []).map(Number);
  t.ok(called > 5000 && refused > called / 2, `${called} calls, ${refused} refused`);
});
