import { RingdownError, UsageError } from '../core/errors.ts';

/** Why a port could not be opened, with what to do: WEB_PORT_IN_USE, WEB_PORT_FORBIDDEN, WEB_ADDRESS_UNKNOWN, WEB_LISTEN_FAILED. */
export function listenError(error: NodeJS.ErrnoException, address: string, port: number): RingdownError {
  const where = `port ${port} of ${address}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new UsageError(
        'WEB_PORT_IN_USE',
        `${where} is in use`,
        'Stop the program that uses it (ss -ltnp shows which), or choose others with --http-port and --https-port.',
        { cause: error },
      );
    case 'EACCES':
      return new UsageError(
        'WEB_PORT_FORBIDDEN',
        `this user may not listen on ${where}`,
        'Choose ports above 1023 with --http-port and --https-port, or give the program the right to low ports.',
        { cause: error },
      );
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
    case 'ENOTFOUND':
      return new UsageError(
        'WEB_ADDRESS_UNKNOWN',
        `${address} is no address of this machine`,
        'Give an address of this machine with --listen (ip address shows them).',
        { cause: error },
      );
    default:
      return new RingdownError(
        'WEB_LISTEN_FAILED',
        `cannot listen on ${where}: ${error.message}`,
        'Report this with the log.',
        { cause: error },
      );
  }
}
