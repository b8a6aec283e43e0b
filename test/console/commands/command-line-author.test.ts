import t from 'tap';
import { type Caller, commandLineAuthor } from '../../../firmware/console/commands/command-line-author.ts';

interface Case extends Partial<Caller> {
  readonly title: string;
  readonly who: string;
}

const nobody = () => {
  throw new Error('ENOENT');
};

const CASES: readonly Case[] = [
  { title: 'a user', who: 'anna' },
  { title: 'a uid without a name', userName: nobody, who: 'uid 1000' },
  { title: 'root through sudo', uid: 0, sudoUser: 'bob', who: 'bob' },
  { title: 'root by itself', uid: 0, userName: () => 'root', who: 'root' },
  { title: 'who only says that sudo was there', sudoUser: 'root', who: 'anna' },
  { title: 'a name that steers a terminal', uid: 0, sudoUser: '\u001b[31m\u202ebob\n', who: '31mbob' },
  { title: 'a name of nothing else', uid: 0, sudoUser: '\u001b\u009b', userName: nobody, who: 'uid 0' },
  { title: 'an endless name', uid: 0, sudoUser: 'x'.repeat(100_000), who: 'x'.repeat(64) },
];

t.test('the author of an edit is who works at the terminal', async (t) => {
  for (const { title, who, uid = 1000, sudoUser = undefined, userName = () => 'anna' } of CASES) {
    t.strictSame(commandLineAuthor({ uid, sudoUser, userName }), { who, origin: 'cli' }, title);
  }
});
