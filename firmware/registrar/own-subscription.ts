import type { SourceLog } from '../core/logger.ts';
import type { Authorization, IncomingRequest } from '../sip/stack.ts';
import type { Authenticator } from './authenticator.ts';

/** Lets a device subscribe to what its own extension is about, and to nothing else; a challenge each time, as for REGISTER. */
export function authorizeOwn(
  request: IncomingRequest,
  authenticator: Authenticator,
  sourceLog: SourceLog,
): Authorization {
  const { message, flow } = request;
  const authentication = authenticator.authenticate(message, flow);
  if (authentication.kind === 'challenge') {
    if (authentication.failed) {
      sourceLog.warn(
        flow.remoteAddress,
        { user: authentication.user, why: authentication.why },
        'SUBSCRIBE with wrong credentials',
      );
    }
    request.respond(401, { headers: authentication.headers });
    return { kind: 'answered' };
  }
  if (authentication.kind === 'refused') {
    sourceLog.warn(flow.remoteAddress, { why: authentication.why }, 'SUBSCRIBE refused');
    request.respond(403, { headers: authentication.headers });
    return { kind: 'answered' };
  }
  if (message.sipUri?.user === authentication.extension) {
    return { kind: 'accepted', resource: authentication.extension };
  }
  sourceLog.warn(flow.remoteAddress, { user: authentication.extension }, 'SUBSCRIBE to what is not its own');
  request.respond(403);
  return { kind: 'answered' };
}
