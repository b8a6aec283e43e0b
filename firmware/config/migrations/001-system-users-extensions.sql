-- What the box is, in one row: the CHECK keeps it one.
CREATE TABLE system (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- Empty: clients use the address by which they reach the box.
  sip_domain TEXT NOT NULL DEFAULT '' CHECK (length(sip_domain) <= 253 AND sip_domain NOT GLOB '*[^a-zA-Z0-9.:-]*'),
  -- The digest realm stands apart from the domain: HA1 covers it, so it must never change with a name.
  realm TEXT NOT NULL DEFAULT 'ringdown' CHECK (length(realm) BETWEEN 1 AND 64),
  -- BCP 47, language and region.
  locale TEXT NOT NULL DEFAULT 'en-GB' CHECK (locale GLOB '[a-z][a-z]-[A-Z][A-Z]'),
  media_port_low INTEGER NOT NULL DEFAULT 46750 CHECK (media_port_low BETWEEN 1024 AND 65534),
  media_port_high INTEGER NOT NULL DEFAULT 50750 CHECK (media_port_high BETWEEN 1025 AND 65535),
  CHECK (media_port_low < media_port_high)
) STRICT;

INSERT INTO system (id) VALUES (1);

CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64)
) STRICT;

CREATE TABLE extensions (
  number TEXT PRIMARY KEY CHECK (length(number) BETWEEN 2 AND 15 AND number NOT GLOB '*[^0-9]*'),
  user_id INTEGER NOT NULL UNIQUE REFERENCES users (id),
  -- H(number ":" realm ":" password) in lower-case hex, one for each algorithm offered (RFC 8760); never the password.
  ha1_md5 TEXT NOT NULL CHECK (length(ha1_md5) = 32),
  ha1_sha256 TEXT NOT NULL CHECK (length(ha1_sha256) = 64)
) STRICT, WITHOUT ROWID;
