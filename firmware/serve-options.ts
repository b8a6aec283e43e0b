import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { invalidOption, readMediaPorts, readPort } from './console/commands/ports.ts';
import type { RuntimeOptions } from './runtime.ts';

/** `ringdown serve`: reads its options and hands them on. */
export function serveCommand(serve: (options: RuntimeOptions, logLevel: string) => Promise<void>): Command {
  return new Command('serve')
    .description('runs the telephone service until SIGTERM or SIGINT; logs JSON lines to standard output')
    .requiredOption('--data <dir>', 'configuration, bindings and certificates; made where it is missing')
    .option(
      '--listen <address>',
      'an IPv4 or IPv6 address of this machine to serve; may be repeated (default: every address but link-local ones)',
      collect,
    )
    .option(
      '--network <dir>',
      'follows the files lan1 and lan2 there, one address with prefix length a line: these are served as well, and ' +
        'nothing else by default',
    )
    .option('--network-control <path>', 'named pipe of the service that sets the addresses of LAN1 and LAN2')
    .option('--sip-port <port>', 'SIP over UDP and TCP (default: as configured, at first 5060)')
    .option('--sips-port <port>', 'SIP over TLS (default: as configured, at first 5061)')
    .option('--http-port <port>', 'settings files over HTTP', '80')
    .option('--https-port <port>', 'settings files over HTTPS', '443')
    .option('--phone-http-port <port>', 'HTTP as well, where preferred phone ports are configured', '8411')
    .option('--phone-https-port <port>', 'HTTPS as well, where preferred phone ports are configured', '411')
    .option('--media-ports <low-high>', 'UDP ports for RTP and RTCP (default: as configured, at first 46750-50750)')
    .option(
      '--advertise <local=public>',
      'behind a port forward: what peers see instead of the local address; may be repeated',
      collect,
    )
    .option('--control <path>', 'socket for the console (default: control.sock in the data directory)')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent', 'info')
    .addHelpText(
      'after',
      `
Examples:
  ringdown serve --data /data/ringdown --listen 192.168.42.1 --listen fd00:42::1
  ringdown serve --data /data/ringdown --network /run/network --network-control /run/network/request
  ringdown serve --data build/dev --listen 127.0.0.1 --http-port 8080 --https-port 8443
`,
    )
    .action((options: Record<string, string | string[] | undefined>) =>
      serve(readOptions(options), readLogLevel(one(options, 'logLevel'))),
    );
}

type Values = Record<string, string | string[] | undefined>;

function readOptions(values: Values): RuntimeOptions {
  const dataDirectory = one(values, 'data');
  const listen = many(values, 'listen');
  for (const address of listen) checkAddress('--listen', address);
  const mediaPorts =
    values.mediaPorts === undefined ? undefined : readMediaPorts('--media-ports', one(values, 'mediaPorts'));
  return {
    dataDirectory,
    listen: listen.length > 0 || values.network !== undefined ? [...new Set(listen)] : everyAddress(),
    ...(values.network === undefined ? {} : { networkDirectory: one(values, 'network') }),
    ...(values.networkControl === undefined ? {} : { networkControlPath: one(values, 'networkControl') }),
    ...(values.sipPort === undefined ? {} : { sipPort: readPort('--sip-port', one(values, 'sipPort')) }),
    ...(values.sipsPort === undefined ? {} : { sipsPort: readPort('--sips-port', one(values, 'sipsPort')) }),
    httpPort: readPort('--http-port', one(values, 'httpPort')),
    httpsPort: readPort('--https-port', one(values, 'httpsPort')),
    phoneHttpPort: readPort('--phone-http-port', one(values, 'phoneHttpPort')),
    phoneHttpsPort: readPort('--phone-https-port', one(values, 'phoneHttpsPort')),
    ...(mediaPorts === undefined ? {} : { mediaPorts }),
    advertise: new Map(many(values, 'advertise').map(readAdvertised)),
    controlPath: values.control === undefined ? join(dataDirectory, 'control.sock') : one(values, 'control'),
  };
}

function readAdvertised(text: string): readonly [string, string] {
  const [local = '', advertised = '', ...rest] = text.split('=');
  if (rest.length > 0 || advertised === '') {
    throw invalidOption('--advertise', text, 'Give LOCAL=PUBLIC, two addresses.');
  }
  checkAddress('--advertise', local);
  checkAddress('--advertise', advertised);
  return [local, advertised];
}

function checkAddress(option: string, address: string): void {
  if (isIP(address) !== 0) return;
  throw invalidOption(option, address, 'Give an IPv4 or IPv6 address of this machine, without brackets.');
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

function readLogLevel(level: string): string {
  if (LOG_LEVELS.includes(level)) return level;
  throw invalidOption('--log-level', level, `Give ${LOG_LEVELS.join(', ')}.`);
}

/** Each by its own: a peer must be answered from the address that it wrote to. */
function everyAddress(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  // Link-local addresses need a zone, which no URI can carry.
  return addresses.filter(({ scopeid }) => scopeid === undefined || scopeid === 0).map(({ address }) => address);
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function one(values: Values, name: string): string {
  const value = values[name];
  return typeof value === 'string' ? value : '';
}

function many(values: Values, name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value : [];
}
