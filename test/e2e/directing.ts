/** Clients that direct telephones. */
import type { Test } from 'tap';
import { TestClient } from '../web/control/test-client.ts';
import { type Extension, type Office, passwordOf } from './office.ts';

/** A client of the user of that extension, in that mode. */
export async function clientOf(
  t: Test,
  office: Office,
  extension: Extension,
  mode: string,
  fields: object = {},
): Promise<TestClient> {
  const client = await TestClient.connect(t, office.ringdown.ports.https);
  t.match(await client.login(extension, passwordOf(extension)), { ok: true, user: extension });
  t.match(await client.ask('mode', { mode, ...fields }), { ok: true });
  return client;
}
