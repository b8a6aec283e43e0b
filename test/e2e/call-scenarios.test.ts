/** What the booted image is tested by as well (test/boot/call.test.ts), here on the host. */
import { AS_CARRIER, CALL_SCENARIOS } from '../support/call-scenarios.ts';
import { Ladders } from './ladders.ts';
import { officeTest } from './office.ts';
import { configure } from './sipp-bench.ts';

officeTest('what an office does with calls', async (t, office) => {
  const reception = await office.registered('201', { takesOffers: true });
  const workshop = await office.registered('202', { takesOffers: true });
  const warehouse = await office.registered('203', { takesOffers: true, codecs: ['PCMU'] });
  const carrier = await office.phone('201', { ...AS_CARRIER, takesOffers: true });
  const [, port] = /:(\d+)$/.exec(carrier.contactUri) ?? [];
  const ladders = await Ladders.follow(office, reception);
  for (const { title, run } of CALL_SCENARIOS) {
    t.comment(title);
    const phones = [reception, workshop, warehouse, carrier];
    const sinceMs = Date.now();
    await run(t, {
      ...{ reception, workshop, warehouse, hearingMs: 30_000 },
      carrier: { phone: carrier, address: '127.0.0.1', port: Number(port) },
      another: async () => {
        const phone = await office.phone('201', { takesOffers: true });
        phones.push(phone);
        return phone;
      },
      configure: (...settings) => configure(office.ringdown, settings),
    });
    t.same(await office.mediaPortsLeft(10_000), [], `${title}: no port is held`);
    await ladders.show(t, title, phones, sinceMs);
  }
  t.equal(await ladders.end(), 0);
});
