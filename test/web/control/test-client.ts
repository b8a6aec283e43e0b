import { createHash, randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { WebSocket } from 'ws';
import { Changes } from '../../support/phone/changes.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export function ha1Of(extension: string, realm: string, password: string): string {
  return sha256(`${extension}:${realm}:${password}`);
}

/** What a client proves with a password (RFC 7616 §3.4.1), worked out by the words of the documentation. */
export function proofOf(
  extension: string,
  password: string,
  { realm, nonce }: { readonly realm: string; readonly nonce: string },
) {
  const cnonce = randomBytes(8).toString('hex');
  const [ha1, ha2] = [ha1Of(extension, realm, password), sha256('GET:/control')];
  return { extension, nonce, cnonce, response: sha256(`${ha1}:${nonce}:00000001:${cnonce}:auth:${ha2}`) };
}

/** Any message of the box, as a test looks at it. */
export interface Told {
  readonly [field: string]: unknown;
  readonly id?: number;
  readonly ok?: boolean;
  readonly event?: string;
  readonly call?: string;
  readonly state?: string;
  readonly at?: readonly string[];
  readonly error?: string;
  readonly status?: number;
}

/** Of every extension with a password. */
export const PASSWORD = 'only-for-tests';
const WAIT_MS = 20_000;

/** A client over a socket, with nothing of the firmware in it. */
export class TestClient {
  readonly socket: WebSocket;
  readonly told: Told[] = [];
  readonly #changes = new Changes();
  #code: number | undefined;
  /** In the words of the box. */
  closedBecause = '';
  #id = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.told.push(JSON.parse(String(data)) as Told);
      this.#changes.notify();
    });
    socket.on('close', (code, reason) => {
      this.#code = code;
      this.closedBecause = String(reason);
      this.#changes.notify();
    });
    socket.on('error', () => undefined);
  }

  static async connect(t: Test, port: number): Promise<TestClient> {
    const socket = new WebSocket(`wss://127.0.0.1:${port}/control`, ['ringdown-control'], {
      rejectUnauthorized: false,
    });
    const client = new TestClient(socket);
    t.teardown(() => socket.terminate());
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return client;
  }

  async until(holds: () => boolean): Promise<void> {
    const told = (): string => JSON.stringify(this.told);
    await this.#changes.until(() => (holds() === true ? true : undefined), WAIT_MS, 'what is awaited', told);
  }

  async challenge(): Promise<{ readonly realm: string; readonly nonce: string }> {
    await this.until(() => this.told.some(({ event }) => event === 'challenge'));
    return this.told.findLast(({ event }) => event === 'challenge') as unknown as { realm: string; nonce: string };
  }

  async proof(extension: string, password: string) {
    return proofOf(extension, password, await this.challenge());
  }

  async ask(verb: string, fields: object = {}): Promise<Told> {
    this.#id += 1;
    const id = this.#id;
    this.socket.send(JSON.stringify({ id, verb, ...fields }));
    await this.until(() => this.told.some((each) => each.id === id));
    return this.told.find((each) => each.id === id) ?? {};
  }

  async login(extension: string, password: string): Promise<Told> {
    const failed = (): number => this.told.filter(({ event }) => event === 'challenge').length;
    const before = failed();
    const answer = await this.ask('login', await this.proof(extension, password));
    // The next challenge comes right after a refusal.
    if (answer.error === 'unauthorized') await this.until(() => failed() > before || this.#code !== undefined);
    return answer;
  }

  /** The code that the box closed with. */
  async closed(): Promise<number> {
    await this.until(() => this.#code !== undefined);
    return this.#code ?? 0;
  }
}
