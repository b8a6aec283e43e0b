-- How long the media of a call may be silent, and when a parked call reminds of itself: the columns follow
-- firmware/config/schema/system.ts.
ALTER TABLE system ADD COLUMN media_timeout_seconds INTEGER NOT NULL DEFAULT 60 CHECK (media_timeout_seconds BETWEEN 0 AND 3600);
ALTER TABLE system ADD COLUMN telephony_park_reminder_seconds INTEGER NOT NULL DEFAULT 300
  CHECK (telephony_park_reminder_seconds BETWEEN 10 AND 1800);
