-- How many of a conference are heard at a time: the column follows firmware/config/schema/system.ts.
ALTER TABLE system ADD COLUMN telephony_conference_speakers INTEGER NOT NULL DEFAULT 3
  CHECK (telephony_conference_speakers BETWEEN 1 AND 8);
