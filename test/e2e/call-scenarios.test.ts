/** What the booted image is tested by as well (test/boot/call.test.ts), here on the host. */
import { CALL_SCENARIOS } from '../support/call-scenarios.ts';
import { officeTest } from './office.ts';
import { configure } from './sipp-bench.ts';

officeTest('what an office does with calls', async (t, office) => {
  const reception = await office.registered('201', { takesOffers: true });
  const workshop = await office.registered('202', { takesOffers: true });
  const warehouse = await office.registered('203', { takesOffers: true, codecs: ['PCMU'] });
  for (const { title, run } of CALL_SCENARIOS) {
    t.comment(title);
    await run(t, {
      ...{ reception, workshop, warehouse, hearingMs: 30_000 },
      another: () => office.phone('201', { takesOffers: true }),
      configure: (...settings) => configure(office.ringdown, settings),
    });
    t.same(await office.mediaPortsLeft(10_000), [], `${title}: no port is held`);
  }
});
