-- What callers who wait in the queue of a hunt group are told, mailboxes that call, recordings: the columns follow
-- firmware/config/schema/.
ALTER TABLE hunt_groups ADD COLUMN queue_announce_seconds INTEGER NOT NULL DEFAULT 30;
ALTER TABLE hunt_groups ADD COLUMN queue_announce_place INTEGER NOT NULL DEFAULT 1 CHECK (queue_announce_place IN (0, 1));
ALTER TABLE users ADD COLUMN voicemail_ring_back INTEGER NOT NULL DEFAULT 0 CHECK (voicemail_ring_back IN (0, 1));
ALTER TABLE system ADD COLUMN recording_warning TEXT NOT NULL DEFAULT 'words';
ALTER TABLE system ADD COLUMN recording_max_minutes INTEGER NOT NULL DEFAULT 30;
