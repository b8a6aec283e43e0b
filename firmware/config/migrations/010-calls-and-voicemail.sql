-- Call records, lamps and voicemail: columns follow firmware/config/schema/system.ts.
ALTER TABLE system ADD COLUMN calls_record_days INTEGER NOT NULL DEFAULT 180;
ALTER TABLE system ADD COLUMN calls_records_kept INTEGER NOT NULL DEFAULT 100000;
ALTER TABLE system ADD COLUMN lamps_watchers TEXT NOT NULL DEFAULT 'everybody';
ALTER TABLE system ADD COLUMN lamps_identities INTEGER NOT NULL DEFAULT 0 CHECK (lamps_identities IN (0, 1));
ALTER TABLE system ADD COLUMN lamps_pick_up INTEGER NOT NULL DEFAULT 1 CHECK (lamps_pick_up IN (0, 1));
ALTER TABLE system ADD COLUMN voicemail_total_minutes INTEGER NOT NULL DEFAULT 900;
ALTER TABLE system ADD COLUMN voicemail_user_minutes INTEGER NOT NULL DEFAULT 30;
ALTER TABLE system ADD COLUMN voicemail_message_seconds INTEGER NOT NULL DEFAULT 120;
ALTER TABLE system ADD COLUMN voicemail_message_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE system ADD COLUMN voicemail_keep_free_megabytes INTEGER NOT NULL DEFAULT 200;
