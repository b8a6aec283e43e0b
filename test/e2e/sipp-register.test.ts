import { alone, sippTests } from './sipp-bench.ts';

sippTests([
  alone('a REGISTER is challenged, and binds the contact when it answers', 'register/bind'),
  alone('a stranger is challenged with SHA-256 first, then MD5', 'register/challenge'),
  alone('a wrong password is challenged again, and not as stale', 'register/wrong-password', {
    keys: { password: 'wrong' },
  }),
  alone('nobody registers the extension of another', 'register/of-another'),
  alone('a REGISTER without Contact tells the bindings', 'register/query'),
  alone('several contacts keep the q that each was given', 'register/q'),
  alone('a time that is too brief is refused with 423 and Min-Expires', 'register/too-brief'),
  alone('a time that is too long is cut', 'register/too-long'),
  alone('Expires 0 removes the binding', 'register/expires-0'),
  alone('the wildcard removes every binding, with Expires 0 alone', 'register/wildcard'),
  alone('a CSeq that is not higher changes nothing', 'register/old-cseq'),
  alone('a new Call-ID refreshes the binding', 'register/new-call-id'),
  alone('a nonce is good for several requests', 'register/nonce-count'),
  alone('a Contact that is none is refused', 'register/malformed-contact'),
  alone('a Path is kept and told', 'register/path'),
  alone('each flow of a device is a binding of its own', 'register/outbound'),
  alone('a flow through a proxy that keeps none is refused', 'register/first-hop'),
  alone('a device that knows of GRUUs gets them', 'register/gruu'),
  alone('what a push service needs stays with the contact', 'register/push'),
  alone('of each class of device the newest wins', 'register/newest-wins'),
]);
