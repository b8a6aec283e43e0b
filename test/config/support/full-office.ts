/** As much as the box takes: 384 users and extensions, 100 groups, 1,000 short codes. Defaults are left out. */
export function fullOffice(): object {
  const users: Record<string, object> = {};
  const extensions: Record<string, object> = {};
  const huntGroups: Record<string, object> = {};
  const shortCodes: Record<string, object> = {};
  for (let index = 0; index < 384; index += 1) {
    const number = String(1000 + index);
    users[number] = {
      name: `User ${index}`,
      fullName: `Person number ${index}`,
      email: `user${index}@example.com`,
      twinning: { enabled: true, number: `0770090${index}` },
      doNotDisturb: { exceptions: ['07700900001', '07700900002'] },
    };
    extensions[number] = { user: number, password: `ha1$${hex(index, 32)}$${hex(index, 64)}` };
  }
  for (let index = 0; index < 100; index += 1) {
    const members = Array.from({ length: 16 }, (_, member) => ({ user: String(1000 + ((index * 7 + member) % 384)) }));
    huntGroups[String(300 + index)] = { name: `Group ${index}`, mode: 'collective', members };
  }
  for (let index = 0; index < 1000; index += 1) {
    shortCodes[`*${1000 + index}`] = { feature: 'speed-dial', telephoneNumber: `01632${960_000 + index}` };
  }
  return { users, extensions, huntGroups, shortCodes };
}

function hex(seed: number, length: number): string {
  return seed.toString(16).padStart(length, 'c');
}
