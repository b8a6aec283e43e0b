import type { SourceLog } from '../core/logger.ts';
import type { Authorization, IncomingRequest } from '../sip/stack.ts';
import type { Authenticator } from './authenticator.ts';

/**
 * The extension whose device subscribes, or refers; a challenge each time, as for REGISTER. Undefined where the request got its
 * answer, a challenge or a refusal.
 */
export function authenticateSubscriber(
  request: IncomingRequest,
  authenticator: Authenticator,
  sourceLog: SourceLog,
): string | undefined {
  const { message, flow } = request;
  const authentication = authenticator.authenticate(message, flow);
  if (authentication.kind === 'challenge') {
    if (authentication.failed) {
      sourceLog.warn(
        flow.remoteAddress,
        { user: authentication.user, why: authentication.why },
        `${message.method} with wrong credentials`,
      );
    }
    request.respond(401, { headers: authentication.headers });
    return undefined;
  }
  if (authentication.kind === 'refused') {
    sourceLog.warn(flow.remoteAddress, { why: authentication.why }, `${message.method} refused`);
    request.respond(403, { headers: authentication.headers });
    return undefined;
  }
  return authentication.extension;
}

/** Lets a device subscribe to what its own extension is about, and to nothing else. */
export function authorizeOwn(
  request: IncomingRequest,
  authenticator: Authenticator,
  sourceLog: SourceLog,
): Authorization {
  const { message, flow } = request;
  const extension = authenticateSubscriber(request, authenticator, sourceLog);
  if (extension === undefined) return { kind: 'answered' };
  if (message.sipUri?.user === extension) return { kind: 'accepted', resource: extension };
  sourceLog.warn(flow.remoteAddress, { user: extension }, 'SUBSCRIBE to what is not its own');
  request.respond(403);
  return { kind: 'answered' };
}
