import { deepStrictEqual, equal, notEqual, ok } from 'node:assert/strict';
import { parseDigestCredentials } from '../../../firmware/sip/message/authorization.ts';
import { parseDigestChallenge } from '../../../firmware/sip/message/challenge.ts';
import { parseDiversion } from '../../../firmware/sip/message/diversion.ts';
import { glance } from '../../../firmware/sip/message/glance.ts';
import { MAX_LINE_LENGTH } from '../../../firmware/sip/message/header-fields.ts';
import type { HeaderField } from '../../../firmware/sip/message/headers.ts';
import { formatHistoryEntry, parseHistoryEntry } from '../../../firmware/sip/message/history-info.ts';
import { parseIdentities } from '../../../firmware/sip/message/identity.ts';
import { maskCredentials } from '../../../firmware/sip/message/mask.ts';
import { parseMediaType } from '../../../firmware/sip/message/media-type.ts';
import { formatNameAddr, parseNameAddr } from '../../../firmware/sip/message/name-addr.ts';
import { type Malformed, type ParseResult, parseMessage } from '../../../firmware/sip/message/parser.ts';
import { wantsPrivacy } from '../../../firmware/sip/message/privacy.ts';
import { formatReason, parseReason } from '../../../firmware/sip/message/reason.ts';
import type { SipRequest } from '../../../firmware/sip/message/request.ts';
import { createResponse, type SipResponse } from '../../../firmware/sip/message/response.ts';
import { parseRoutes } from '../../../firmware/sip/message/route.ts';
import { serialize } from '../../../firmware/sip/message/serializer.ts';
import { formatTelUri, parseTelUri } from '../../../firmware/sip/message/tel-uri.ts';
import { formatSipUri, parseSipUri } from '../../../firmware/sip/message/uri.ts';
import { sameSipUri } from '../../../firmware/sip/message/uri-comparison.ts';
import { formatUriHeaders, parseUriHeaders } from '../../../firmware/sip/message/uri-headers.ts';
import { formatVia, parseVia } from '../../../firmware/sip/message/via.ts';
import { formatWarning, parseWarning } from '../../../firmware/sip/message/warning.ts';
import { messages } from './corpus.ts';
import type { FuzzTarget } from './fuzz.ts';

const RECEIVED_FROM = '192.0.2.1';
const RECEIVED = `;received=${RECEIVED_FROM}`;

export const parserTarget: FuzzTarget = {
  name: 'parser',
  corpus: messages,
  check: (bytes) => {
    // A trace shows what came before anybody has judged it.
    ok(glance(bytes).users.length >= 0);
    ok(maskCredentials(bytes).length >= 0);
    const result = parseMessage(bytes);
    if (result.kind === 'malformed') checkMalformed(result);
    else checkMessage(messageOf(result));
  },
};

function messageOf(result: Exclude<ParseResult, Malformed>): SipRequest | SipResponse {
  return result.kind === 'request' ? result.request : result.response;
}

function checkMalformed({ request, status, reason }: Malformed): void {
  if (request === undefined) return;
  const answer = serialize(createResponse(request, status, 'tag', { reason })).toString('latin1');
  ok(answer.startsWith(`SIP/2.0 ${status} `), 'an answer begins with its status');
  equal(answer.indexOf('\r\n\r\n'), answer.length - 4, 'an answer has one empty line, at its end');
}

function checkMessage(message: SipRequest | SipResponse): void {
  readAll(message);
  const written = serialize(message);
  const again = parseMessage(written);
  notEqual(again.kind, 'malformed', 'what is written can be read');
  if (again.kind === 'malformed') return;
  const second = messageOf(again);
  equal(second.startLine, message.startLine);
  deepStrictEqual(withoutLength(second.headers.fields), withoutLength(message.headers.fields));
  ok(second.body.equals(message.body), 'the body stays as it is');
  deepStrictEqual(second.via, message.via);
  deepStrictEqual(second.from, message.from);
  deepStrictEqual(second.to, message.to);
  deepStrictEqual(second.contacts, message.contacts);
  ok(serialize(second).equals(written), 'written twice alike');
  // What fills a line has no room for what is put behind it.
  const longest = Math.max(...message.headers.fields.map(([name, value]) => `${name}: ${value}`.length));
  if ('method' in message && longest + RECEIVED.length <= MAX_LINE_LENGTH) checkRequest(message);
}

function checkRequest(request: SipRequest): void {
  const via = { ...request.via, params: [...request.via.params, ['received', RECEIVED_FROM] as const] };
  const received = parseMessage(serialize(request.withTopVia(via)));
  equal(received.kind, 'request', 'a request with another Via is one');
  const answer = parseMessage(serialize(createResponse(request, 200, 'tag')));
  equal(answer.kind, 'response', 'an answer is one');
  if (answer.kind === 'response') ok(answer.response.hasToTag || request.method === 'ACK', 'an answer has a To tag');
}

function withoutLength(fields: readonly HeaderField[]): readonly HeaderField[] {
  return fields.filter(([name]) => name !== 'Content-Length');
}

/** Everything that a layer above could ask for; none of it may throw, and what can be written must mean the same. */
function readAll(message: SipRequest | SipResponse): void {
  const { callId, cseq, fromTag, toTag, hasToTag, sdp, contentType, contacts } = message;
  ok(callId.length > 0 && cseq.number >= 0 && (hasToTag || toTag === undefined));
  ok(fromTag === undefined || fromTag !== '' || sdp !== '' || contentType !== '' || contacts !== '*');
  if ('method' in message) {
    ok(message.maxForwards >= 0 && message.maxForwards <= 255);
    checkUri(message.uri);
  }
  const { headers } = message;
  checkUri(message.from.uri);
  checkUri(message.to.uri);
  parseIdentities(headers.list('P-Asserted-Identity'));
  parseRoutes(headers.list('Route'));
  wantsPrivacy(headers.get('Privacy'));
  for (const [, value] of headers.fields) {
    parseDigestCredentials(value);
    parseDigestChallenge(value);
    parseDiversion(value);
    parseMediaType(value);
    thereAndBack(value, parseNameAddr, formatNameAddr);
    thereAndBack(value, parseVia, formatVia);
    thereAndBack(value, parseReason, formatReason);
    thereAndBack(value, parseWarning, formatWarning);
    thereAndBack(value, parseHistoryEntry, formatHistoryEntry);
    checkUri(value);
  }
}

function checkUri(text: string): void {
  thereAndBack(text, parseTelUri, formatTelUri);
  const uri = parseSipUri(text);
  if (uri === undefined) return;
  deepStrictEqual(parseSipUri(formatSipUri(uri)), uri, text);
  ok(sameSipUri(text, text), text);
  ok(sameSipUri(text, text.toUpperCase()) || text !== text.toUpperCase());
  const headers = parseUriHeaders(uri.headers ?? '');
  if (headers !== undefined) deepStrictEqual(parseUriHeaders(formatUriHeaders(headers)), headers);
}

/** What was read once is written so that it is written and read alike from then on. */
function thereAndBack<T>(text: string, parse: (text: string) => T | undefined, format: (value: T) => string): void {
  const value = parse(text);
  if (value === undefined) return;
  const written = format(value);
  const again = parse(written);
  if (again === undefined)
    throw new Error(`${JSON.stringify(text)} was written as ${JSON.stringify(written)}, which is unreadable`);
  equal(format(again), written);
}
