import t from 'tap';
import { isForPhones } from '../../firmware/phones/http-clients.ts';
import type { PhoneFileRequest } from '../../firmware/phones/phone-file.ts';
import { RenderedFiles } from '../../firmware/phones/rendered-files.ts';

const REQUEST: PhoneFileRequest = {
  name: '46xxsettings.txt',
  localAddress: '192.168.42.1',
  lan: 'lan1',
  remoteAddress: '192.168.42.50',
  isSecure: false,
  userAgent: 'Avaya J179',
};

t.test('a file is made once for as long as nothing changes that it is made of', async (t) => {
  let basis: readonly unknown[] = [{}, undefined];
  let made = 0;
  const files = new RenderedFiles({
    make: ({ name, localAddress }) => {
      made += 1;
      if (name === 'absent.txt') return undefined;
      return { contentType: 'text/plain', body: `for ${localAddress}`, origin: 'generated', why: 'a test' };
    },
    basis: () => basis,
  });
  const first = files.make(REQUEST);
  t.equal(files.make({ ...REQUEST }), first);
  t.equal(made, 1);
  t.equal(files.make({ ...REQUEST, remoteAddress: '192.168.42.51', userAgent: '' }), first, 'one text, one object');
  t.equal(made, 2, 'but made for each who asks');
  t.equal(files.make({ ...REQUEST, localAddress: '::1' })?.body, 'for ::1');
  t.equal(files.make({ ...REQUEST, name: 'absent.txt' }), undefined);
  for (const change of [[{}, undefined], [basis[0], 'a certificate'], [basis[0]]]) {
    basis = change;
    const before = made;
    t.not(files.make(REQUEST), first);
    t.equal(made, before + 1);
  }
});

t.test('strangers fill no memory', async (t) => {
  const files = new RenderedFiles({
    make: ({ userAgent }) => ({ contentType: 'text/plain', body: userAgent, origin: 'generated', why: 'a test' }),
    basis: () => [],
  });
  for (let index = 0; index < 10_000; index += 1) {
    const userAgent = `Avaya ${index}`;
    t.equal(files.make({ ...REQUEST, userAgent })?.body, userAgent);
  }
});

const AGENTS: readonly (readonly [userAgent: string, isPhone: boolean])[] = [
  ['Avaya Communicator/3.0 (1.1.0.35.5; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)', true],
  ['Avaya J179 IP Phone 4.1.3.0.6', true],
  ['Avaya one-X Deskphone', true],
  ['Mozilla/4.0 (compatible; MSIE 6.0) AVAYA/J179-4.1.3.0.6 (MAC:c81fea83e85a)', true],
  ['Mozilla/4.0 (compatible; MSIE 6.0) AVAYA/J129-4.0 (MAC:c81fea83e85a)', true],
  ['Mozilla/4.0 AVAYA/SIP12x0/04.01.13.00', true],
  ['AVAYA/SIP1220v04.01.13.00', true],
  ['AVAYA/K175-1.0', true],
  ['AVAYA/9641-7.1', true],
  ['AVAYA/96x1', true],
  ['AVAYA/1608', true],
  ['', false],
  ['Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36', false],
  ['curl/8.5.0', false],
  ['Not Avaya', false],
  ['NAVAYA/J179', false],
  ['avaya', false],
  ['AVAYA/', false],
];

t.test('phones are known by how they name themselves', async (t) => {
  for (const [userAgent, isPhone] of AGENTS) {
    t.equal(isForPhones(userAgent, '46xxsettings.txt'), isPhone, userAgent);
    t.equal(isForPhones(userAgent, 'WebRootCA.pem'), true, 'the authority is for everybody');
  }
});
