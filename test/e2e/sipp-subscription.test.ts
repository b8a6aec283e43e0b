import { alone, type Rule, sippTests } from './sipp-bench.ts';

const followed: Rule = {
  title: 'a device follows its registration',
  run: async (bench, way) => {
    const device = await bench.registered(way, 'caller');
    return [await device.run('subscribe/reg', device.extension)];
  },
};

const changed: Rule = {
  title: 'a change of the registration is told',
  run: async (bench, way) => {
    const [device, other] = await Promise.all([bench.device(way, 'caller'), bench.second(way, 'caller')]);
    const following = await device.start('subscribe/change', device.extension);
    await following.logs(/\r?\nNOTIFY /);
    return [await other.run('register/bind-changed', device.extension), await following.result];
  },
};

sippTests([
  followed,
  alone('a device follows its mailbox', 'subscribe/message-summary'),
  alone('a subscription is refreshed and ended', 'subscribe/refresh'),
  alone('a subscription without time is one look', 'subscribe/fetch'),
  alone('what cannot be subscribed to is refused', 'subscribe/refusals'),
  alone('nobody follows somebody else', 'subscribe/of-another'),
  changed,
]);
