-- Wrap-up time of hunt groups: the column follows firmware/config/schema/hunt-group.ts.
ALTER TABLE hunt_groups ADD COLUMN wrap_up_seconds INTEGER NOT NULL DEFAULT 2;
