import type { Author } from '../../../firmware/config/revision-log.ts';
import type { Configuration } from '../../../firmware/config/schema/configuration.ts';
import { digestSecrets, encodeDigestSecrets } from '../../../firmware/config/secrets/sip-password.ts';

export const AUTHOR: Author = { who: 'test', origin: 'cli' };

/** An office of some people, to fill a few pages of every kind. */
export function office(configuration: Configuration, people = 40): unknown {
  const numbers = Array.from({ length: people }, (_, index) => String(201 + index));
  const users = numbers.map((number) => [
    number,
    { name: `User ${number}`, fullName: `Full name of ${number}`, sourceNumbers: ['one', 'two'], noAnswerSeconds: 20 },
  ]);
  const extensions = numbers.map((number) => [
    number,
    { user: number, password: encodeDigestSecrets(digestSecrets(number, 'ringdown', `password ${number}`)) },
  ]);
  return {
    ...configuration,
    users: Object.fromEntries(users),
    extensions: Object.fromEntries(extensions),
    huntGroups: { 900: { name: 'Everybody', members: numbers.slice(0, 10).map((user) => ({ user })) } },
  };
}

/** Writes a number into several rows of several tables, which an edit must change together; some rows come and go. */
export function mark(configuration: Configuration, count: number): unknown {
  const text = `mark ${count}`;
  const third = count % 2 === 0 ? { 203: { name: 'Third', fullName: text } } : {};
  const members = ['201', '202', ...Object.keys(third)].map((user) => ({ user }));
  return {
    ...configuration,
    system: { ...configuration.system, name: text },
    users: { 201: { name: 'First', fullName: text }, 202: { name: 'Second', fullName: text }, ...third },
    huntGroups: { 300: { name: text, members } },
    directory: { [text]: { number: '123' } },
  };
}

/** The number that mark() wrote; undefined where the parts do not agree. */
export function readMark({ system, users, huntGroups, directory }: Configuration): number | undefined {
  const count = Number(system.name.replace('mark ', ''));
  const group = huntGroups[300];
  const people = Object.values(users);
  const texts = [...people.map(({ fullName }) => fullName), group?.name, ...Object.keys(directory)];
  const expected = count % 2 === 0 ? 3 : 2;
  if (people.length !== expected || group?.members.length !== expected || texts.length !== expected + 2)
    return undefined;
  return texts.every((text) => text === system.name) ? count : undefined;
}
