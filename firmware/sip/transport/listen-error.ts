import { RingdownError, UsageError } from '../../core/errors.ts';
import { formatHostPort } from '../message/uri.ts';
import type { Flow, ListenPoint } from './flow.ts';

/** Says in the words of the person who started the program why a listener cannot be opened. */
export function listenError(point: ListenPoint, cause: unknown): UsageError {
  const where = `${formatHostPort(point.address, point.port)} over ${point.protocol.toUpperCase()}`;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  switch (code) {
    case 'EADDRINUSE':
      return new UsageError(
        'SIP_PORT_IN_USE',
        `SIP cannot listen on ${where}: the port is in use`,
        'Stop the other program or choose another port.',
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
      return new UsageError(
        'SIP_ADDRESS_NOT_HERE',
        `SIP cannot listen on ${where}: this machine does not have that address`,
        'Give an address that `ip address` shows.',
        { cause },
      );
    case 'EACCES':
      return new UsageError(
        'SIP_PORT_FORBIDDEN',
        `SIP cannot listen on ${where}: permission denied`,
        'Choose a port from 1024 up, or run with the right to open lower ones.',
        { cause },
      );
    default:
      return new UsageError(
        'SIP_LISTEN_FAILED',
        `SIP cannot listen on ${where}: ${cause instanceof Error ? cause.message : String(cause)}`,
        'Check the address, the port and the certificate.',
        { cause },
      );
  }
}

/** A request or response cannot go out on its flow any more. */
export function flowClosed(flow: Flow, cause?: unknown): RingdownError {
  const peer = formatHostPort(flow.remoteAddress, flow.remotePort);
  const options = cause === undefined ? undefined : { cause };
  return new RingdownError(
    'SIP_FLOW_CLOSED',
    `the way to ${peer} over ${flow.protocol} is closed`,
    'Wait until the peer connects or registers again.',
    options,
  );
}

/** There is no way to a destination. */
export function noRoute(message: string, cause?: unknown): RingdownError {
  const options = cause === undefined ? undefined : { cause };
  return new RingdownError('SIP_NO_ROUTE', message, 'Check the address and the listeners.', options);
}
