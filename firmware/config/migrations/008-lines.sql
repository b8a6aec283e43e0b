-- Lines to carriers: columns follow firmware/config/schema/routing.ts, those of toll fraud firmware/config/schema/system.ts.
ALTER TABLE lines ADD COLUMN registrar TEXT NOT NULL DEFAULT '';
ALTER TABLE lines ADD COLUMN peers TEXT NOT NULL DEFAULT '[]' CHECK (json_type(peers) = 'array');
ALTER TABLE lines ADD COLUMN expiry_seconds INTEGER NOT NULL DEFAULT 3600;
ALTER TABLE lines ADD COLUMN options_seconds INTEGER NOT NULL DEFAULT 60;
ALTER TABLE lines ADD COLUMN options_when_registered INTEGER NOT NULL DEFAULT 0 CHECK (options_when_registered IN (0, 1));
ALTER TABLE lines ADD COLUMN keep_alive_seconds INTEGER NOT NULL DEFAULT 30;
ALTER TABLE lines ADD COLUMN incoming_channels INTEGER NOT NULL DEFAULT 128;
ALTER TABLE lines ADD COLUMN outgoing_channels INTEGER NOT NULL DEFAULT 128;
ALTER TABLE lines ADD COLUMN no_response_seconds INTEGER NOT NULL DEFAULT 6;
ALTER TABLE lines ADD COLUMN identity_caller_number TEXT NOT NULL DEFAULT '';
ALTER TABLE lines ADD COLUMN identity_emergency_number TEXT NOT NULL DEFAULT '';
ALTER TABLE lines ADD COLUMN identity_incoming TEXT NOT NULL DEFAULT '["p-asserted-identity","remote-party-id","from"]'
  CHECK (json_type(identity_incoming) = 'array');
ALTER TABLE lines ADD COLUMN identity_outgoing TEXT NOT NULL DEFAULT 'p-asserted-identity';
ALTER TABLE lines ADD COLUMN identity_from TEXT NOT NULL DEFAULT 'caller';
ALTER TABLE lines ADD COLUMN identity_forwarded TEXT NOT NULL DEFAULT 'diversion';
ALTER TABLE lines ADD COLUMN identity_forwarded_caller TEXT NOT NULL DEFAULT 'caller';
ALTER TABLE lines ADD COLUMN numbers_send TEXT NOT NULL DEFAULT 'as-dialled';
ALTER TABLE lines ADD COLUMN numbers_receive TEXT NOT NULL DEFAULT 'as-dialled';
ALTER TABLE lines ADD COLUMN numbers_country_code TEXT NOT NULL DEFAULT '';
ALTER TABLE lines ADD COLUMN numbers_area_code TEXT NOT NULL DEFAULT '';
ALTER TABLE lines ADD COLUMN numbers_national_prefix TEXT NOT NULL DEFAULT '0';
ALTER TABLE lines ADD COLUMN numbers_international_prefix TEXT NOT NULL DEFAULT '00';
ALTER TABLE lines ADD COLUMN speaks_reinvite INTEGER NOT NULL DEFAULT 1 CHECK (speaks_reinvite IN (0, 1));
ALTER TABLE lines ADD COLUMN speaks_update INTEGER NOT NULL DEFAULT 1 CHECK (speaks_update IN (0, 1));
ALTER TABLE lines ADD COLUMN speaks_refer INTEGER NOT NULL DEFAULT 0 CHECK (speaks_refer IN (0, 1));
ALTER TABLE lines ADD COLUMN speaks_reliable INTEGER NOT NULL DEFAULT 1 CHECK (speaks_reliable IN (0, 1));
ALTER TABLE lines ADD COLUMN codecs TEXT CHECK (json_type(codecs) = 'array');
ALTER TABLE lines ADD COLUMN media_security TEXT NOT NULL DEFAULT 'disabled';
ALTER TABLE lines ADD COLUMN dtmf TEXT NOT NULL DEFAULT 'automatic';

ALTER TABLE system ADD COLUMN toll_fraud_action TEXT NOT NULL DEFAULT 'notice';
ALTER TABLE system ADD COLUMN toll_fraud_calls_at_once INTEGER NOT NULL DEFAULT 0;
ALTER TABLE system ADD COLUMN toll_fraud_calls_per_hour INTEGER NOT NULL DEFAULT 120;
ALTER TABLE system ADD COLUMN toll_fraud_international_per_hour INTEGER NOT NULL DEFAULT 20;
ALTER TABLE system ADD COLUMN toll_fraud_night_calls_per_hour INTEGER NOT NULL DEFAULT 10;
ALTER TABLE system ADD COLUMN toll_fraud_night_from_hour INTEGER NOT NULL DEFAULT 22;
ALTER TABLE system ADD COLUMN toll_fraud_night_to_hour INTEGER NOT NULL DEFAULT 6;
ALTER TABLE system ADD COLUMN toll_fraud_repeated_calls INTEGER NOT NULL DEFAULT 15;
ALTER TABLE system ADD COLUMN toll_fraud_suspect_prefixes TEXT NOT NULL DEFAULT '[]'
  CHECK (json_type(toll_fraud_suspect_prefixes) = 'array');
