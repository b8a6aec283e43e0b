-- The whole configuration. Columns follow firmware/config/schema/, which checks values; here stand the rules that no program
-- may break: types, keys, references, and that a row is what was written (checksum, made by tables.ts; NULL from a migration
-- until the next start).
-- References are looked at when a transaction ends, so that an edit may write its rows in any order.
ALTER TABLE system RENAME TO old_system;
ALTER TABLE users RENAME TO old_users;
ALTER TABLE extensions RENAME TO old_extensions;

CREATE TABLE system (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL DEFAULT 'Ringdown',
  locale TEXT NOT NULL DEFAULT 'en-GB',
  time_zone TEXT NOT NULL DEFAULT 'UTC',
  time_servers TEXT NOT NULL DEFAULT '[]' CHECK (json_type(time_servers) = 'array'),
  sip_domain TEXT NOT NULL DEFAULT '' CHECK (sip_domain NOT GLOB '*[^a-zA-Z0-9.:-]*'),
  sip_udp_enabled INTEGER NOT NULL DEFAULT 1 CHECK (sip_udp_enabled IN (0, 1)),
  sip_udp_port INTEGER NOT NULL DEFAULT 5060,
  sip_tcp_enabled INTEGER NOT NULL DEFAULT 1 CHECK (sip_tcp_enabled IN (0, 1)),
  sip_tcp_port INTEGER NOT NULL DEFAULT 5060,
  sip_tls_enabled INTEGER NOT NULL DEFAULT 1 CHECK (sip_tls_enabled IN (0, 1)),
  sip_tls_port INTEGER NOT NULL DEFAULT 5061,
  sip_challenge_expiry_seconds INTEGER NOT NULL DEFAULT 10,
  sip_auto_create_extensions INTEGER NOT NULL DEFAULT 0 CHECK (sip_auto_create_extensions IN (0, 1)),
  http_preferred_phone_ports INTEGER NOT NULL DEFAULT 0 CHECK (http_preferred_phone_ports IN (0, 1)),
  http_avaya_clients_only INTEGER NOT NULL DEFAULT 0 CHECK (http_avaya_clients_only IN (0, 1)),
  media_port_low INTEGER NOT NULL DEFAULT 46750,
  media_port_high INTEGER NOT NULL DEFAULT 50750,
  media_codecs TEXT NOT NULL DEFAULT '["PCMA","PCMU","G729"]' CHECK (json_type(media_codecs) = 'array'),
  media_security TEXT NOT NULL DEFAULT 'disabled',
  media_dscp_audio INTEGER NOT NULL DEFAULT 46,
  media_dscp_video INTEGER NOT NULL DEFAULT 46,
  media_dscp_signalling INTEGER NOT NULL DEFAULT 34,
  telephony_no_answer_seconds INTEGER NOT NULL DEFAULT 15,
  telephony_conference_centre TEXT NOT NULL DEFAULT '',
  telephony_messaging_server TEXT NOT NULL DEFAULT 'none',
  cloud_enabled INTEGER NOT NULL DEFAULT 0 CHECK (cloud_enabled IN (0, 1)),
  cloud_authorization INTEGER NOT NULL DEFAULT 0 CHECK (cloud_authorization IN (0, 1)),
  cloud_accounts_url TEXT NOT NULL DEFAULT 'accounts-ipo.avayacloud.com',
  cloud_company_domain TEXT NOT NULL DEFAULT '',
  cloud_profile_name TEXT NOT NULL DEFAULT '',
  push_apple INTEGER NOT NULL DEFAULT 0 CHECK (push_apple IN (0, 1)),
  licensing TEXT NOT NULL DEFAULT 'open',
  backups_kept INTEGER NOT NULL DEFAULT 14,
  checksum INTEGER,
  CHECK (media_port_low >= 1024 AND media_port_low < media_port_high AND media_port_high <= 65535)
) STRICT;

CREATE TABLE lan1 (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  ipv4_address TEXT NOT NULL DEFAULT '192.168.42.1',
  ipv4_prefix_length INTEGER NOT NULL DEFAULT 24,
  dhcp_mode TEXT NOT NULL DEFAULT 'disabled',
  dhcp_pool_first TEXT NOT NULL DEFAULT '192.168.42.50',
  dhcp_pool_size INTEGER NOT NULL DEFAULT 150,
  ipv6_mode TEXT NOT NULL DEFAULT 'own',
  ipv6_addresses TEXT NOT NULL DEFAULT '[]' CHECK (json_type(ipv6_addresses) = 'array'),
  firewall_zone TEXT NOT NULL DEFAULT 'trusted',
  sip_registrar INTEGER NOT NULL DEFAULT 1 CHECK (sip_registrar IN (0, 1)),
  registrar_fqdn TEXT NOT NULL DEFAULT '',
  checksum INTEGER
) STRICT;

CREATE TABLE lan2 (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  ipv4_address TEXT NOT NULL DEFAULT '192.168.43.1',
  ipv4_prefix_length INTEGER NOT NULL DEFAULT 24,
  dhcp_mode TEXT NOT NULL DEFAULT 'disabled',
  dhcp_pool_first TEXT NOT NULL DEFAULT '192.168.43.50',
  dhcp_pool_size INTEGER NOT NULL DEFAULT 150,
  ipv6_mode TEXT NOT NULL DEFAULT 'own',
  ipv6_addresses TEXT NOT NULL DEFAULT '[]' CHECK (json_type(ipv6_addresses) = 'array'),
  firewall_zone TEXT NOT NULL DEFAULT 'trusted',
  sip_registrar INTEGER NOT NULL DEFAULT 1 CHECK (sip_registrar IN (0, 1)),
  registrar_fqdn TEXT NOT NULL DEFAULT '',
  checksum INTEGER
) STRICT;

CREATE TABLE users (
  number TEXT PRIMARY KEY CHECK (length(number) BETWEEN 2 AND 15 AND number NOT GLOB '*[^0-9]*'),
  name TEXT NOT NULL,
  full_name TEXT NOT NULL DEFAULT '',
  email TEXT NOT NULL DEFAULT '',
  enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  profile TEXT NOT NULL DEFAULT 'power',
  locale TEXT NOT NULL DEFAULT '',
  priority INTEGER NOT NULL DEFAULT 5,
  user_rights TEXT REFERENCES user_rights (name) DEFERRABLE INITIALLY DEFERRED,
  login_code TEXT,
  password TEXT,
  conference_pin TEXT,
  clients_desktop INTEGER NOT NULL DEFAULT 0 CHECK (clients_desktop IN (0, 1)),
  clients_mobile INTEGER NOT NULL DEFAULT 0 CHECK (clients_mobile IN (0, 1)),
  clients_softphone INTEGER NOT NULL DEFAULT 0 CHECK (clients_softphone IN (0, 1)),
  clients_remote_worker INTEGER NOT NULL DEFAULT 0 CHECK (clients_remote_worker IN (0, 1)),
  other_phone TEXT NOT NULL DEFAULT '',
  no_answer_seconds INTEGER,
  call_waiting INTEGER NOT NULL DEFAULT 1 CHECK (call_waiting IN (0, 1)),
  do_not_disturb_enabled INTEGER NOT NULL DEFAULT 0 CHECK (do_not_disturb_enabled IN (0, 1)),
  do_not_disturb_exceptions TEXT NOT NULL DEFAULT '[]' CHECK (json_type(do_not_disturb_exceptions) = 'array'),
  forward_unconditional_enabled INTEGER NOT NULL DEFAULT 0 CHECK (forward_unconditional_enabled IN (0, 1)),
  forward_unconditional_number TEXT NOT NULL DEFAULT '',
  forward_unconditional_hunt_group_calls INTEGER NOT NULL DEFAULT 0 CHECK (forward_unconditional_hunt_group_calls IN (0, 1)),
  forward_on_busy_enabled INTEGER NOT NULL DEFAULT 0 CHECK (forward_on_busy_enabled IN (0, 1)),
  forward_on_busy_number TEXT NOT NULL DEFAULT '',
  forward_on_no_answer_enabled INTEGER NOT NULL DEFAULT 0 CHECK (forward_on_no_answer_enabled IN (0, 1)),
  forward_on_no_answer_number TEXT NOT NULL DEFAULT '',
  twinning_enabled INTEGER NOT NULL DEFAULT 0 CHECK (twinning_enabled IN (0, 1)),
  twinning_number TEXT NOT NULL DEFAULT '',
  twinning_delay_seconds INTEGER NOT NULL DEFAULT 2,
  voicemail_enabled INTEGER NOT NULL DEFAULT 0 CHECK (voicemail_enabled IN (0, 1)),
  voicemail_pin TEXT,
  source_numbers TEXT NOT NULL DEFAULT '[]' CHECK (json_type(source_numbers) = 'array'),
  contact_work_phone TEXT NOT NULL DEFAULT '',
  contact_home_phone TEXT NOT NULL DEFAULT '',
  contact_cell_phone TEXT NOT NULL DEFAULT '',
  contact_address TEXT NOT NULL DEFAULT '',
  contact_city TEXT NOT NULL DEFAULT '',
  contact_region TEXT NOT NULL DEFAULT '',
  contact_postal_code TEXT NOT NULL DEFAULT '',
  contact_country TEXT NOT NULL DEFAULT '',
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE user_short_codes (
  user_number TEXT NOT NULL REFERENCES users (number) DEFERRABLE INITIALLY DEFERRED,
  code TEXT NOT NULL,
  feature TEXT NOT NULL DEFAULT 'dial',
  telephone_number TEXT NOT NULL DEFAULT '',
  line_group TEXT NOT NULL DEFAULT '',
  locale TEXT NOT NULL DEFAULT '',
  force_authorization INTEGER NOT NULL DEFAULT 0 CHECK (force_authorization IN (0, 1)),
  checksum INTEGER,
  PRIMARY KEY (user_number, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE extensions (
  number TEXT PRIMARY KEY CHECK (length(number) BETWEEN 2 AND 15 AND number NOT GLOB '*[^0-9]*'),
  user TEXT REFERENCES users (number) DEFERRABLE INITIALLY DEFERRED,
  class TEXT NOT NULL DEFAULT 'any',
  description TEXT NOT NULL DEFAULT '',
  password TEXT,
  password_for_settings_files INTEGER NOT NULL DEFAULT 0 CHECK (password_for_settings_files IN (0, 1)),
  password_copy TEXT,
  codecs TEXT CHECK (json_type(codecs) = 'array'),
  media_security TEXT NOT NULL DEFAULT 'system',
  address_restriction TEXT NOT NULL DEFAULT '[]' CHECK (json_type(address_restriction) = 'array'),
  location TEXT REFERENCES locations (name) DEFERRABLE INITIALLY DEFERRED,
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE hunt_groups (
  number TEXT PRIMARY KEY CHECK (length(number) BETWEEN 2 AND 15 AND number NOT GLOB '*[^0-9]*'),
  name TEXT NOT NULL,
  mode TEXT NOT NULL DEFAULT 'sequential',
  no_answer_seconds INTEGER NOT NULL DEFAULT 15,
  queue_enabled INTEGER NOT NULL DEFAULT 1 CHECK (queue_enabled IN (0, 1)),
  queue_limit INTEGER NOT NULL DEFAULT 0,
  overflow_seconds INTEGER NOT NULL DEFAULT 0,
  overflow_group TEXT REFERENCES hunt_groups (number) DEFERRABLE INITIALLY DEFERRED,
  night_service_active INTEGER NOT NULL DEFAULT 0 CHECK (night_service_active IN (0, 1)),
  night_service_group TEXT REFERENCES hunt_groups (number) DEFERRABLE INITIALLY DEFERRED,
  voicemail INTEGER NOT NULL DEFAULT 0 CHECK (voicemail IN (0, 1)),
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE hunt_group_members (
  hunt_group_number TEXT NOT NULL REFERENCES hunt_groups (number) DEFERRABLE INITIALLY DEFERRED,
  position INTEGER NOT NULL,
  user TEXT NOT NULL REFERENCES users (number) DEFERRABLE INITIALLY DEFERRED,
  enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  checksum INTEGER,
  PRIMARY KEY (hunt_group_number, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE short_codes (
  code TEXT PRIMARY KEY,
  feature TEXT NOT NULL DEFAULT 'dial',
  telephone_number TEXT NOT NULL DEFAULT '',
  line_group TEXT NOT NULL DEFAULT '',
  locale TEXT NOT NULL DEFAULT '',
  force_authorization INTEGER NOT NULL DEFAULT 0 CHECK (force_authorization IN (0, 1)),
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE user_rights (
  name TEXT PRIMARY KEY,
  enable_do_not_disturb INTEGER NOT NULL DEFAULT 1 CHECK (enable_do_not_disturb IN (0, 1)),
  enable_forwarding INTEGER NOT NULL DEFAULT 1 CHECK (enable_forwarding IN (0, 1)),
  outgoing_call_bar INTEGER NOT NULL DEFAULT 0 CHECK (outgoing_call_bar IN (0, 1)),
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE user_rights_short_codes (
  user_right_name TEXT NOT NULL REFERENCES user_rights (name) DEFERRABLE INITIALLY DEFERRED,
  code TEXT NOT NULL,
  feature TEXT NOT NULL DEFAULT 'dial',
  telephone_number TEXT NOT NULL DEFAULT '',
  line_group TEXT NOT NULL DEFAULT '',
  locale TEXT NOT NULL DEFAULT '',
  force_authorization INTEGER NOT NULL DEFAULT 0 CHECK (force_authorization IN (0, 1)),
  checksum INTEGER,
  PRIMARY KEY (user_right_name, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE lines (
  number TEXT PRIMARY KEY,
  description TEXT NOT NULL DEFAULT '',
  enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  domain TEXT NOT NULL DEFAULT '',
  proxy TEXT NOT NULL DEFAULT '',
  transport TEXT NOT NULL DEFAULT 'udp',
  port INTEGER NOT NULL DEFAULT 0,
  registers INTEGER NOT NULL DEFAULT 1 CHECK (registers IN (0, 1)),
  user_name TEXT NOT NULL DEFAULT '',
  authentication_name TEXT NOT NULL DEFAULT '',
  password TEXT,
  channels INTEGER NOT NULL DEFAULT 10,
  incoming_group INTEGER NOT NULL DEFAULT 0,
  outgoing_group INTEGER NOT NULL DEFAULT 0,
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE incoming_routes (
  name TEXT PRIMARY KEY,
  line_group INTEGER NOT NULL DEFAULT 0,
  incoming_number TEXT NOT NULL DEFAULT '',
  caller_number TEXT NOT NULL DEFAULT '',
  priority INTEGER NOT NULL DEFAULT 1,
  destination TEXT NOT NULL DEFAULT '',
  night_destination TEXT NOT NULL DEFAULT '',
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE no_user (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  source_numbers TEXT NOT NULL DEFAULT '[]' CHECK (json_type(source_numbers) = 'array'),
  checksum INTEGER
) STRICT;

CREATE TABLE emergency_numbers (
  number TEXT PRIMARY KEY,
  description TEXT NOT NULL DEFAULT '',
  location TEXT REFERENCES locations (name) DEFERRABLE INITIALLY DEFERRED,
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE locations (
  name TEXT PRIMARY KEY,
  address TEXT NOT NULL DEFAULT '',
  caller_number TEXT NOT NULL DEFAULT '',
  subnet TEXT NOT NULL DEFAULT '',
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE directory (
  name TEXT PRIMARY KEY,
  number TEXT NOT NULL DEFAULT '',
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE licences (
  kind TEXT PRIMARY KEY,
  count INTEGER NOT NULL DEFAULT 1,
  expires TEXT NOT NULL DEFAULT '',
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE certificates (
  name TEXT PRIMARY KEY,
  pem TEXT NOT NULL,
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE administrators (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL DEFAULT 'viewer',
  full_name TEXT NOT NULL DEFAULT '',
  enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  password TEXT,
  checksum INTEGER
) STRICT, WITHOUT ROWID;

-- What the box is and no edit changes, in one row.
CREATE TABLE box (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The digest realm: every SIP password is kept under it, so it stays when names and domains change.
  realm TEXT NOT NULL DEFAULT 'ringdown' CHECK (length(realm) BETWEEN 1 AND 64),
  -- 16 random bytes for the keys of exports with secrets; kept, so that the same secrets give the same export.
  export_salt BLOB NOT NULL DEFAULT (randomblob(16)) CHECK (length(export_salt) = 16),
  -- Over all that must be of the same moment (agreement.ts); NULL from a migration until the next start.
  checksum INTEGER
) STRICT;

-- Every edit, the newest at the end; those that are too old are removed.
CREATE TABLE revisions (
  revision INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('console', 'web', 'cli', 'import', 'system')),
  comment TEXT NOT NULL DEFAULT '',
  -- [{"path": …, "before": …, "after": …}], secrets masked: may be shown. That it is JSON is not checked here: a damaged
  -- revision is found when it is read, and must not take the configuration with it at the start.
  changes TEXT NOT NULL,
  -- Secrets of items that the edit removed, by path: only a rollback reads them.
  removed_secrets TEXT NOT NULL DEFAULT '{}',
  checksum INTEGER
) STRICT;

-- The edit of LAN addresses that is undone unless somebody confirms it in time: one at most.
CREATE TABLE unconfirmed (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL,
  -- The LANs as they were when they were confirmed last: {"lan1": {"ipv4": …, "ipv6": …, "dhcp": …}, "lan2": …}.
  confirmed TEXT NOT NULL CHECK (json_type(confirmed) = 'object')
) STRICT;

-- What people must know of and have not taken note of yet, such as a recovery from a backup.
CREATE TABLE notices (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  code TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;

INSERT INTO system (id, locale, sip_domain, media_port_low, media_port_high)
  SELECT id, locale, sip_domain, media_port_low, media_port_high FROM old_system;
INSERT INTO lan1 (id) VALUES (1);
INSERT INTO lan2 (id) VALUES (1);
INSERT INTO no_user (id) VALUES (1);
INSERT INTO box (id, realm) SELECT id, realm FROM old_system;
-- Names are unique from here on: a second user of the same name gets the number behind it.
INSERT INTO users (number, name)
  SELECT number, CASE row_number() OVER (PARTITION BY lower(trim(name)) ORDER BY length(number), number)
    WHEN 1 THEN name ELSE substr(name, 1, 48) || ' ' || number END
  FROM old_extensions JOIN old_users ON old_users.id = old_extensions.user_id;
INSERT INTO extensions (number, user, password)
  SELECT number, number, 'ha1$' || ha1_md5 || '$' || ha1_sha256 FROM old_extensions;
INSERT INTO revisions (revision, at_ms, who, origin, comment, changes)
  VALUES (1, CAST(unixepoch('subsec') * 1000 AS INTEGER), 'ringdown', 'system', 'first revision', '[]');

DROP TABLE old_extensions;
DROP TABLE old_users;
DROP TABLE old_system;
