/**
 * Fetches URL and writes its body to standard output; for HTTPS with the certificates of a file as the only authority.
 *
 *   node test/support/fetch-file.ts URL [AUTHORITY.pem]
 */
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

const TIMEOUT_MS = 60_000;

const [, , url = '', authority] = process.argv;
const options = { timeout: TIMEOUT_MS, ...(authority === undefined ? {} : { ca: readFileSync(authority) }) };
const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, options, (response) => {
  if (response.statusCode === 200) response.pipe(process.stdout);
  else request.destroy(new Error(`${url}: ${response.statusCode}`));
});
request.on('timeout', () => request.destroy(new Error(`${url} does not answer`)));
request.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
request.end();
