import {
  choice,
  collection,
  flag,
  group,
  NAME_KEY,
  NUMBER_KEY,
  name,
  reference,
  sequence,
  shaped,
  whole,
} from './kinds.ts';

export const huntGroups = collection(
  { title: 'Hunt groups', table: 'hunt_groups', key: { column: 'number', ...NUMBER_KEY }, max: 100 },
  group('Hunt group', {
    name: name('Name, different for each group', 64),
    mode: choice('Ring mode', ['sequential', 'collective', 'rotary', 'longest-waiting'], 'sequential'),
    noAnswerSeconds: whole('Group no-answer time', 6, 99999, 15, { unit: 's' }),
    wrapUpSeconds: whole('Wrap-up time: a member gets no call of the group for so long after one', 0, 99999, 2, {
      unit: 's',
    }),
    queue: group('Queuing', {
      enabled: flag('in use', true),
      limit: whole('Calls that may wait; 0: any number', 0, 999, 0),
      announceSeconds: whole(
        'Time between announcements to whoever waits, where less than 10 s is 10 s; 0: he hears "please hold" once',
        0,
        600,
        30,
        { unit: 's' },
      ),
      announcePlace: flag('Announcements say which place in the queue the caller has', true),
    }),
    overflow: group('Overflow', {
      seconds: whole('Overflow time; 0: never', 0, 99999, 0, { unit: 's' }),
      group: reference('Hunt group that calls overflow to', NUMBER_KEY),
    }),
    nightService: group('Night service', {
      active: flag('in use now', false),
      group: reference('Hunt group at night', NUMBER_KEY),
      timeProfile: reference('Time profile of the day, night is at other times; left out: as switched', NAME_KEY),
    }),
    voicemail: flag('Voicemail', false),
    members: sequence(
      'Members in the order in which they ring',
      'hunt_group_members',
      group('Member', {
        user: shaped('Number of the user', NUMBER_KEY.pattern, NUMBER_KEY.rule),
        enabled: flag('Takes calls of the group', true),
      }),
      384,
    ),
  }),
);
