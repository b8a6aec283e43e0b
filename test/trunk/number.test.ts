import t from 'tap';
import {
  formatNumber,
  formatReceivedNumber,
  type NumberFormat,
  type NumberPlan,
  plainNumber,
} from '../../firmware/trunk/number.ts';

const BERLIN: NumberPlan = { countryCode: '49', areaCode: '30', nationalPrefix: '0', internationalPrefix: '00' };
const NEW_YORK: NumberPlan = { countryCode: '1', areaCode: '212', nationalPrefix: '1', internationalPrefix: '011' };
const ROME: NumberPlan = { countryCode: '39', areaCode: '', nationalPrefix: '', internationalPrefix: '00' };
const NOWHERE: NumberPlan = { countryCode: '', areaCode: '', nationalPrefix: '0', internationalPrefix: '00' };

t.test('numbers get the format that a line wants', async (t) => {
  const cases: readonly (readonly [string, NumberPlan, NumberFormat, string])[] = [
    ['0301234567', BERLIN, 'e164', '+49301234567'],
    ['1234567', BERLIN, 'e164', '+49301234567'],
    ['00441632960000', BERLIN, 'e164', '+441632960000'],
    ['+441632960000', BERLIN, 'e164', '+441632960000'],
    ['110', BERLIN, 'e164', '110'],
    ['0180', BERLIN, 'e164', '0180'],
    ['*21#', BERLIN, 'e164', '*21#'],
    ['+49301234567', BERLIN, 'national', '0301234567'],
    ['+441632960000', BERLIN, 'national', '00441632960000'],
    ['1234567', BERLIN, 'national', '0301234567'],
    ['+49301234567', BERLIN, 'as-dialled', '+49301234567'],
    ['2125551234', NEW_YORK, 'e164', '+12125551234'],
    ['12125551234', NEW_YORK, 'e164', '+12125551234'],
    ['5551234', NEW_YORK, 'e164', '+12125551234'],
    ['011441632960000', NEW_YORK, 'e164', '+441632960000'],
    ['911', NEW_YORK, 'e164', '911'],
    ['+12125551234', NEW_YORK, 'national', '12125551234'],
    ['0612345678', ROME, 'e164', '+390612345678'],
    ['+390612345678', ROME, 'national', '0612345678'],
    ['0301234567', NOWHERE, 'e164', '0301234567'],
    ['+49301234567', NOWHERE, 'national', '+49301234567'],
    ['0012345678901234567890', BERLIN, 'e164', '0012345678901234567890'],
  ];
  for (const [number, plan, format, written] of cases) {
    t.equal(formatNumber(number, format, plan), written, `${number} ${format}`);
    t.equal(formatNumber(written, format, plan), written, 'and stays so');
  }
});

t.test('what carriers send without its plus is known all the same', async (t) => {
  const cases: readonly (readonly [string, NumberPlan, NumberFormat, string])[] = [
    ['49301234567', BERLIN, 'national', '0301234567'],
    ['49301234567', BERLIN, 'e164', '+49301234567'],
    ['49301234567', BERLIN, 'as-dialled', '49301234567'],
    ['0301234567', BERLIN, 'e164', '+49301234567'],
    ['491234', BERLIN, 'e164', '+4930491234'],
    ['12125551234', NEW_YORK, 'e164', '+12125551234'],
    ['2125551234', NEW_YORK, 'national', '12125551234'],
  ];
  for (const [number, plan, format, written] of cases) {
    t.equal(formatReceivedNumber(number, format, plan), written, `${number} ${format}`);
  }
});

t.test('a number is digits, and not much longer than one', async (t) => {
  t.equal(plainNumber('+49 (30) 12-34.56'), '+4930123456');
  t.equal(plainNumber('*17#'), '*17#');
  for (const none of ['', '+', 'alice', '12a', '1;2', '1 '.repeat(40), '1'.repeat(33), '+1+2', '\u0661\u0662']) {
    t.equal(plainNumber(none), undefined, JSON.stringify(none));
  }
});
