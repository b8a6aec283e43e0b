import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { CallServer } from '../../../firmware/call/call-server.ts';
import { AbandonedHolds } from '../../../firmware/call/control/abandoned-holds.ts';
import { OtherPhones } from '../../../firmware/call/control/other-phones.ts';
import { PhonesCalledAnew } from '../../../firmware/call/control/phones-called-anew.ts';
import type { Configuration } from '../../../firmware/config/schema/configuration.ts';
import { systemClock } from '../../../firmware/core/clock.ts';
import { createLogger, SourceLog } from '../../../firmware/core/logger.ts';
import { Access } from '../../../firmware/registrar/access.ts';
import { ClientLogin } from '../../../firmware/registrar/client-login.ts';
import { ensureCertificate } from '../../../firmware/system/certificates.ts';
import { ControlService, type ControlServiceOptions } from '../../../firmware/web/control/control-service.ts';
import type { WebLimits } from '../../../firmware/web/server.ts';
import { configurationOf } from '../../call/routing/support/office.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { start } from '../running-server.ts';
import { ha1Of, PASSWORD } from './test-client.ts';

export const NO_PRESENCE: ControlServiceOptions['presences'] = {
  legsOf: () => [],
  onLegs: () => () => undefined,
  snapshot: () => [],
  subscribe: () => () => undefined,
};

/** One for all tests of a file: it takes a while to make. */
let certificate: ReturnType<typeof ensureCertificate> | undefined;

async function makeCertificate(): ReturnType<typeof ensureCertificate> {
  const directory = await mkdtemp(join(tmpdir(), 'ringdown-control-'));
  const logger = createLogger('silent');
  try {
    return await ensureCertificate({ directory, addresses: ['127.0.0.1'], clock: systemClock, logger });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The service behind a web server with TLS, for 201 of Anna and 290 of nobody; without calls. */
export async function startControl(t: Test, presences = NO_PRESENCE, limits: Partial<WebLimits> = {}) {
  const clock = new FakeClock(Date.now());
  const logger = createLogger('silent');
  let configuration = configurationOf({
    users: { 201: { name: 'Anna' }, 202: { name: 'Ben' } },
    extensions: { 201: { user: '201' }, 202: { user: '202' }, 290: {} },
  });
  const logins: string[] = [];
  let isBlocked = false;
  const listeners = new Set<(change: { before: Configuration; after: Configuration }) => void>();
  const login = new ClientLogin({
    realm: 'ringdown',
    digest: (extension) =>
      Object.hasOwn(configuration.extensions, extension)
        ? { ha1Sha256: ha1Of(extension, 'ringdown', PASSWORD), ha1Md5: '' }
        : undefined,
    access: new Access(
      () => configuration,
      () => 'lan1',
    ),
    guard: {
      succeeded: (_flow, user) => logins.push(`${user} in`),
      failed: (_flow, user) => logins.push(`${user} failed`),
    },
    isBlocked: () => isBlocked,
    clock,
  });
  const service = new ControlService({
    calls: { calls: new Set() } as unknown as CallServer,
    transfers: { transfer: () => 481 },
    conferences: { merge: async () => undefined, roomOf: () => undefined },
    otherPhones: new OtherPhones(),
    calledAnew: new PhonesCalledAnew(),
    holds: new AbandonedHolds({ calls: { legsOf: () => [], callOf: () => undefined }, clock, logger }),
    configuration: () => configuration,
    login,
    presences,
    feed: {
      subscribe: (listener) => {
        listeners.add(listener as never);
        return () => listeners.delete(listener as never);
      },
    },
    clock,
    logger,
    sourceLog: new SourceLog(logger, clock),
  });
  certificate ??= makeCertificate();
  const { web } = await start(t, {
    certificate: await certificate,
    https: [{ address: '127.0.0.1', port: 0 }],
    upgrade: service,
    limits,
  });
  t.teardown(async () => service.close());
  const portOf = (protocol: 'http' | 'https'): number =>
    web.addresses.find((address) => address.protocol === protocol)?.port ?? 0;
  return {
    web,
    service,
    clock,
    logins,
    port: portOf('https'),
    httpPort: portOf('http'),
    block: () => {
      isBlocked = true;
    },
    edit: (change: (before: Configuration) => Configuration) => {
      const before = configuration;
      configuration = change(before);
      for (const listener of listeners) listener({ before, after: configuration });
    },
  };
}
