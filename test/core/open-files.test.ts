import { spawnSync } from 'node:child_process';
import t from 'tap';
import { openFiles } from '../../firmware/core/open-files.ts';

t.test('open files are counted', async (t) => {
  t.ok((openFiles() ?? 0) > 2);
});

t.test('where no descriptor is left they are not, and nothing is thrown', async (t) => {
  const module = new URL('../../firmware/core/open-files.ts', import.meta.url).href;
  const program = `
    const { openSync } = await import('node:fs');
    const { openFiles } = await import('${module}');
    const before = openFiles();
    try { for (;;) openSync('/dev/null'); } catch (error) { console.log(typeof before, error.code, openFiles()); }`;
  const shell = 'ulimit -n 256; exec "$0" --input-type=module --eval "$1"';
  const { stdout, stderr } = spawnSync('bash', ['-c', shell, process.execPath, program], { encoding: 'utf8' });
  t.equal(stdout.trim(), 'number EMFILE undefined', stderr);
});
