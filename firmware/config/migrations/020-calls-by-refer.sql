-- Telephones that make a call by themselves when a client asks for one: the column follows firmware/config/schema/extension.ts.
ALTER TABLE extensions ADD COLUMN calls_by_refer INTEGER NOT NULL DEFAULT 0 CHECK (calls_by_refer IN (0, 1));
