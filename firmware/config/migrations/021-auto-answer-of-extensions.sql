-- Telephones that are not to be told to answer by themselves: the column follows firmware/config/schema/extension.ts.
ALTER TABLE extensions ADD COLUMN auto_answer INTEGER NOT NULL DEFAULT 1 CHECK (auto_answer IN (0, 1));
