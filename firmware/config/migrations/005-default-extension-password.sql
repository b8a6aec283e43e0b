-- The password of extensions that make themselves: columns follow firmware/config/schema/system.ts.
ALTER TABLE system ADD COLUMN sip_default_extension_password TEXT;
-- Nothing acted on it before, and it needs that password from here on.
UPDATE system SET sip_auto_create_extensions = 0;
