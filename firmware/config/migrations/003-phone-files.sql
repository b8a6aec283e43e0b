-- What settings files for phones say beyond what the configuration held: columns follow firmware/config/schema/system.ts.
ALTER TABLE system ADD COLUMN sip_phone_transport TEXT NOT NULL DEFAULT 'safest';
ALTER TABLE system ADD COLUMN sip_tls_version TEXT NOT NULL DEFAULT '1.2';
ALTER TABLE system ADD COLUMN media_dtmf_payload_type INTEGER NOT NULL DEFAULT 101;
ALTER TABLE system ADD COLUMN media_encrypt_srtcp INTEGER NOT NULL DEFAULT 0 CHECK (media_encrypt_srtcp IN (0, 1));
ALTER TABLE system ADD COLUMN telephony_voicemail_number TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN phones_file_form TEXT NOT NULL DEFAULT 'complete';
ALTER TABLE system ADD COLUMN phones_features TEXT NOT NULL DEFAULT '[]' CHECK (json_type(phones_features) = 'array');
ALTER TABLE system ADD COLUMN phones_other_codecs TEXT NOT NULL DEFAULT '[]' CHECK (json_type(phones_other_codecs) = 'array');
ALTER TABLE system ADD COLUMN phones_desktop_updates_url TEXT NOT NULL DEFAULT '';
