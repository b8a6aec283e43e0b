import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket, WebSocketServer } from 'ws';
import type { UserPresences } from '../../call/history/user-presence.ts';
import type { ConfigurationStore } from '../../config/configuration-store.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { LOGIN_URI } from '../../registrar/client-login.ts';
import { addressText, sourceOf } from '../address-text.ts';
import { ConnectionLimit } from '../connection-limit.ts';
import { refuseUpgrade } from '../upgrade-refusal.ts';
import { type ControlChannel, ControlSession, type ControlSessionOptions, NOT_LOGGED_IN } from './control-session.ts';
import { MAX_MESSAGE_BYTES } from './protocol.ts';
import { UserWatch } from './user-watch.ts';

export interface ControlServiceOptions
  extends Omit<ControlSessionOptions, 'admits' | 'userOf' | 'presences' | 'users'> {
  readonly presences: Pick<UserPresences, 'legsOf' | 'onLegs' | 'snapshot' | 'subscribe'>;
  readonly feed: Pick<ConfigurationStore['feed'], 'subscribe'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Sessions at once: a client for each user of the largest box, and some who come again before the old one is gone. */
const MAX_SESSIONS = 512;
/** A whole office may be behind one address. */
const MAX_SESSIONS_OF_SOURCE = 128;
const MAX_SESSIONS_OF_USER = 8;
/** Of those who have not logged in: they take no place of users for longer than a login takes. */
const MAX_GUESTS = 128;
const MAX_GUESTS_OF_SOURCE = 32;
/** A message of a client comes in one piece. */
const MAX_FRAGMENTS = 8;
const MAX_BUFFERED_CHUNKS = 256;
/** What a client may leave unread. */
const MAX_UNSENT_BYTES = 256 * 1024;
const PING_MS = 30_000;
const CLOSE_GRACE_MS = 2000;
const SUBPROTOCOL = 'ringdown-control';
const GOING_AWAY = 1001;
const UNSUPPORTED_DATA = 1003;

/** The control of telephones over WebSocket, on the HTTPS ports of the web server. */
export class ControlService {
  readonly #options: ControlServiceOptions;
  readonly #sessions = new Map<ControlSession, WebSocket>();
  readonly #connections = new ConnectionLimit(MAX_SESSIONS, MAX_SESSIONS_OF_SOURCE);
  readonly #guests = new ConnectionLimit(MAX_GUESTS, MAX_GUESTS_OF_SOURCE);
  readonly #ends: readonly (() => void)[];
  readonly #users: UserWatch;
  #handshakes: Promise<WebSocketServer> | undefined;
  #closed = false;

  constructor(options: ControlServiceOptions) {
    this.#options = options;
    this.#users = new UserWatch(options);
    const callsChanged = (user: string): void => {
      for (const session of this.#sessions.keys()) if (session.user === user) session.callsChanged();
    };
    this.#ends = [
      options.presences.onLegs(callsChanged),
      // What was not told while a telephone was called anew.
      options.calledAnew.onOver(callsChanged),
      options.feed.subscribe(({ before, after }) => this.#recheck(before, after)),
    ];
  }

  /** Takes what asks for a WebSocket at LOGIN_URI over TLS; false where it does not. */
  wants({ method, url, headers }: IncomingMessage): boolean {
    return method === 'GET' && url === LOGIN_URI && headers.upgrade?.toLowerCase() === 'websocket';
  }

  /** A connection that was wanted. It is this service's from now on. */
  take(request: IncomingMessage, stream: Duplex, head: Buffer): boolean {
    const { socket } = request;
    const source = sourceOf(socket);
    const connection = {
      localAddress: addressText(socket.localAddress),
      localPort: socket.localPort ?? 0,
      remoteAddress: addressText(socket.remoteAddress),
      remotePort: socket.remotePort ?? 0,
    };
    const isRefused = this.#closed || this.#options.login.refuses(connection);
    if (isRefused || !this.#connections.admit(source, socket) || !this.#guests.admit(source, socket)) {
      refuseUpgrade(stream, 503);
      return false;
    }
    stream.on('error', () => stream.destroy());
    this.#handshakes ??= this.#load();
    this.#handshakes.then(
      (handshakes) => handshakes.handleUpgrade(request, stream, head, (web) => this.#open(web, connection, socket)),
      (error: unknown) => {
        this.#options.logger.error({ err: error }, 'no WebSocket');
        stream.destroy();
      },
    );
    return true;
  }

  /** Hangs up on every client. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const end of this.#ends) end();
    this.#users.close();
    for (const session of [...this.#sessions.keys()]) session.end(GOING_AWAY, 'the box stops');
  }

  async #load(): Promise<WebSocketServer> {
    const { WebSocketServer } = await import('ws');
    const limits = { maxFragments: MAX_FRAGMENTS, maxBufferedChunks: MAX_BUFFERED_CHUNKS };
    return new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
      ...limits,
    });
  }

  #open(web: WebSocket, connection: Omit<ControlChannel, 'send' | 'close'>, socket: Socket): void {
    const { clock } = this.#options;
    let isAlive = true;
    let timer: Timer | undefined;
    let grace: Timer | undefined;
    const channel: ControlChannel = {
      ...connection,
      send: (text) => {
        if (web.readyState !== web.OPEN) return;
        // Who does not read is not told more.
        if (web.bufferedAmount > MAX_UNSENT_BYTES) web.terminate();
        else web.send(text);
      },
      close: (code, reason) => {
        web.close(code, reason);
        grace = clock.schedule(CLOSE_GRACE_MS, () => web.terminate());
      },
    };
    const watch = (): void => {
      timer = clock.schedule(PING_MS, () => {
        if (!isAlive) {
          web.terminate();
          return;
        }
        isAlive = false;
        web.ping();
        watch();
      });
    };
    const session: ControlSession = new ControlSession(channel, {
      ...this.#options,
      users: this.#users,
      userOf: (extension) => userOf(this.#options.configuration(), extension),
      admits: (each) => {
        const ofUser = [...this.#sessions.keys()].filter(({ user }) => user === each.user).length;
        if (ofUser > MAX_SESSIONS_OF_USER) return false;
        this.#guests.release(socket);
        return true;
      },
    });
    this.#sessions.set(session, web);
    web.on('message', (data: RawData, isBinary) => {
      isAlive = true;
      if (isBinary) session.end(UNSUPPORTED_DATA, 'messages are text');
      else session.receive(String(data));
    });
    web.on('pong', () => {
      isAlive = true;
    });
    web.on('error', () => web.terminate());
    web.on('close', () => {
      timer?.cancel();
      grace?.cancel();
      session.closed();
      this.#sessions.delete(session);
    });
    watch();
  }

  /** Whoever has lost his account, his extension, his password or the right to be here has lost this as well; and so with a mode. */
  #recheck(before: Configuration, after: Configuration): void {
    for (const session of [...this.#sessions.keys()]) {
      const { user, extension } = session;
      if (user === undefined || extension === undefined) continue;
      const refusal =
        userOf(after, extension) !== user
          ? 'the user or the extension is not there any more'
          : after.extensions[extension]?.password !== before.extensions[extension]?.password
            ? 'the password was changed'
            : session.loginRefusal;
      if (refusal !== undefined) session.end(NOT_LOGGED_IN, refusal);
      else session.recheckMode();
    }
  }
}

/** Who answers an extension; undefined where nobody does, or may not now. */
function userOf({ extensions, users }: Configuration, extension: string): string | undefined {
  const user = Object.hasOwn(extensions, extension) ? extensions[extension]?.user : undefined;
  return user !== undefined && Object.hasOwn(users, user) && users[user]?.enabled === true ? user : undefined;
}
