-- How the box answers SIP: columns follow firmware/config/schema/system.ts.
ALTER TABLE system ADD COLUMN sip_web_socket_enabled INTEGER NOT NULL DEFAULT 0 CHECK (sip_web_socket_enabled IN (0, 1));
ALTER TABLE system ADD COLUMN sip_web_socket_port INTEGER NOT NULL DEFAULT 5066;
ALTER TABLE system ADD COLUMN sip_secure_web_socket_enabled INTEGER NOT NULL DEFAULT 0 CHECK (sip_secure_web_socket_enabled IN (0, 1));
ALTER TABLE system ADD COLUMN sip_secure_web_socket_port INTEGER NOT NULL DEFAULT 9443;
ALTER TABLE system ADD COLUMN sip_min_expiry_seconds INTEGER NOT NULL DEFAULT 60;
ALTER TABLE system ADD COLUMN sip_max_expiry_seconds INTEGER NOT NULL DEFAULT 3600;
ALTER TABLE system ADD COLUMN sip_devices_per_class INTEGER NOT NULL DEFAULT 1;
ALTER TABLE system ADD COLUMN sip_defence_packets_per_second INTEGER NOT NULL DEFAULT 500;
ALTER TABLE system ADD COLUMN sip_defence_failed_logins INTEGER NOT NULL DEFAULT 10;
ALTER TABLE system ADD COLUMN sip_defence_block_seconds INTEGER NOT NULL DEFAULT 600;
ALTER TABLE system ADD COLUMN sip_defence_allow_list TEXT NOT NULL DEFAULT '[]' CHECK (json_type(sip_defence_allow_list) = 'array');
