import { alone, sippTests, WAYS } from './sipp-bench.ts';

const STREAMS = WAYS.filter(({ via }) => via !== 'UDP');

sippTests([
  alone('OPTIONS tells what the box can do', 'options/outside'),
  alone('OPTIONS of a registered device is answered', 'options/registered'),
  alone('an unknown method is not implemented', 'refusal/unknown-method'),
  alone('a known method that is not supported is not allowed', 'refusal/unsupported-method'),
  alone('an extension that is required and not there is named', 'refusal/require'),
  alone('a Request-URI of an unknown scheme is refused', 'refusal/scheme'),
  alone('an INVITE that may go no further is refused', 'refusal/max-forwards'),
  alone('a request in a dialog that is not there is refused', 'refusal/unknown-dialog'),
  alone('a request that comes by another way too is refused', 'refusal/merged'),
  alone('a request that lacks what it needs is a bad request', 'refusal/malformed'),
  alone('a body of another type is refused', 'refusal/media-type'),
  alone('a number that is nobody’s is not found', 'refusal/nobody'),
  alone('compact header names are understood', 'forms/compact'),
  alone('folded header fields are understood', 'forms/folded'),
  alone('several values in one line and in several lines are the same', 'forms/several-values'),
  alone('an empty line before a request is ignored', 'forms/empty-lines'),
  alone('unknown header fields are ignored', 'forms/unknown-headers'),
  alone('two requests in one segment are two', 'forms/two-in-one', { ways: STREAMS }),
  alone('a large request is taken', 'forms/large', { ways: STREAMS }),
]);
