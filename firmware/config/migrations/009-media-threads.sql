-- How many threads move media: the column follows firmware/config/schema/system.ts.
ALTER TABLE system ADD COLUMN media_threads INTEGER NOT NULL DEFAULT 0 CHECK (media_threads BETWEEN 0 AND 16);
