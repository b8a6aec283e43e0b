import { alone, sippTests } from './sipp-bench.ts';

sippTests([
  alone('a REGISTER is challenged, and binds the contact when it answers', 'register/bind'),
  alone('a stranger is challenged with SHA-256 first, then MD5', 'register/challenge'),
  alone('a wrong password is challenged again, and not as stale', 'register/wrong-password', {
    keys: { password: 'wrong' },
  }),
  alone('nobody registers the extension of another', 'register/of-another'),
  alone('a REGISTER without Contact tells the bindings', 'register/query'),
  alone('a time that is too brief is refused with 423 and Min-Expires', 'register/too-brief'),
  alone('a time that is too long is cut', 'register/too-long'),
  alone('Expires 0 removes the binding', 'register/expires-0'),
  alone('the wildcard removes every binding, with Expires 0 alone', 'register/wildcard'),
  alone('a CSeq that is not higher changes nothing', 'register/old-cseq'),
  alone('a new Call-ID refreshes the binding', 'register/new-call-id'),
  alone('a nonce is good for several requests', 'register/nonce-count'),
  alone('a Contact that is none is refused', 'register/malformed-contact'),
]);
