-- Media that go past the box: the column follows firmware/config/schema/system.ts.
ALTER TABLE system ADD COLUMN media_direct_media INTEGER NOT NULL DEFAULT 1 CHECK (media_direct_media IN (0, 1));
