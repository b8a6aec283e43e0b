-- Conferences by URI are there on every box: a box that had no name for them gets the one that firmware/config/schema/system.ts says.
ALTER TABLE system ADD COLUMN conference_centre TEXT NOT NULL DEFAULT 'ConfServer';
UPDATE system SET conference_centre = telephony_conference_centre WHERE telephony_conference_centre <> '';
ALTER TABLE system DROP COLUMN telephony_conference_centre;
ALTER TABLE system RENAME COLUMN conference_centre TO telephony_conference_centre;
-- Nothing ever did what these say: who dialled them was refused, and still is. Without a row a code would be dialled outside.
UPDATE short_codes SET feature = 'barred' WHERE feature IN ('dial-inclusion', 'display-message', 'hold-call');
UPDATE user_short_codes SET feature = 'barred' WHERE feature IN ('dial-inclusion', 'display-message', 'hold-call');
UPDATE user_rights_short_codes SET feature = 'barred' WHERE feature IN ('dial-inclusion', 'display-message', 'hold-call');
