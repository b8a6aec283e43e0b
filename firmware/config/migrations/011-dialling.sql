-- How numbers are dialled and calls routed: columns follow firmware/config/schema/dialling.ts, user.ts, system.ts, routing.ts.
CREATE TABLE time_profiles (
  name TEXT PRIMARY KEY,
  override TEXT NOT NULL DEFAULT 'times',
  except_dates TEXT NOT NULL DEFAULT '[]' CHECK (json_type(except_dates) = 'array'),
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE time_profile_times (
  time_profile_name TEXT NOT NULL REFERENCES time_profiles (name) DEFERRABLE INITIALLY DEFERRED,
  position INTEGER NOT NULL,
  days TEXT NOT NULL DEFAULT '["mon","tue","wed","thu","fri"]' CHECK (json_type(days) = 'array'),
  begins TEXT NOT NULL DEFAULT '09:00',
  ends TEXT NOT NULL DEFAULT '17:00',
  checksum INTEGER,
  PRIMARY KEY (time_profile_name, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE ars_routes (
  name TEXT PRIMARY KEY,
  description TEXT NOT NULL DEFAULT '',
  in_service INTEGER NOT NULL DEFAULT 1 CHECK (in_service IN (0, 1)),
  out_of_service_route TEXT REFERENCES ars_routes (name) DEFERRABLE INITIALLY DEFERRED,
  time_profile TEXT REFERENCES time_profiles (name) DEFERRABLE INITIALLY DEFERRED,
  out_of_hours_route TEXT REFERENCES ars_routes (name) DEFERRABLE INITIALLY DEFERRED,
  alternate_route TEXT REFERENCES ars_routes (name) DEFERRABLE INITIALLY DEFERRED,
  checksum INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE ars_route_codes (
  ars_route_name TEXT NOT NULL REFERENCES ars_routes (name) DEFERRABLE INITIALLY DEFERRED,
  position INTEGER NOT NULL,
  code TEXT NOT NULL DEFAULT '?',
  feature TEXT NOT NULL DEFAULT 'dial',
  number TEXT NOT NULL DEFAULT '.',
  line_group INTEGER NOT NULL DEFAULT 0,
  time_profile TEXT REFERENCES time_profiles (name) DEFERRABLE INITIALLY DEFERRED,
  checksum INTEGER,
  PRIMARY KEY (ars_route_name, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE classes_of_service (
  name TEXT PRIMARY KEY,
  calls TEXT NOT NULL DEFAULT 'national',
  barred TEXT NOT NULL DEFAULT '[]' CHECK (json_type(barred) = 'array'),
  allowed TEXT NOT NULL DEFAULT '[]' CHECK (json_type(allowed) = 'array'),
  time_profile TEXT REFERENCES time_profiles (name) DEFERRABLE INITIALLY DEFERRED,
  otherwise TEXT REFERENCES classes_of_service (name) DEFERRABLE INITIALLY DEFERRED,
  checksum INTEGER
) STRICT, WITHOUT ROWID;

ALTER TABLE system ADD COLUMN telephony_dial_plan_enabled INTEGER NOT NULL DEFAULT 0 CHECK (telephony_dial_plan_enabled IN (0, 1));
ALTER TABLE system ADD COLUMN telephony_dial_plan_outside_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN telephony_dial_plan_country_code TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN telephony_dial_plan_city_codes TEXT NOT NULL DEFAULT '[]'
  CHECK (json_type(telephony_dial_plan_city_codes) = 'array');
ALTER TABLE system ADD COLUMN telephony_dial_plan_pbx_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN telephony_dial_plan_long_distance_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN telephony_dial_plan_international_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN telephony_dial_plan_extension_lengths TEXT NOT NULL DEFAULT '[]'
  CHECK (json_type(telephony_dial_plan_extension_lengths) = 'array');
ALTER TABLE system ADD COLUMN telephony_dial_plan_national_lengths TEXT NOT NULL DEFAULT '[]'
  CHECK (json_type(telephony_dial_plan_national_lengths) = 'array');
ALTER TABLE system ADD COLUMN telephony_dial_plan_remove_area_code INTEGER NOT NULL DEFAULT 0
  CHECK (telephony_dial_plan_remove_area_code IN (0, 1));
ALTER TABLE system ADD COLUMN telephony_dial_plan_apply_to_plus_numbers INTEGER NOT NULL DEFAULT 0
  CHECK (telephony_dial_plan_apply_to_plus_numbers IN (0, 1));
ALTER TABLE system ADD COLUMN telephony_class_of_service TEXT
  REFERENCES classes_of_service (name) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE system ADD COLUMN telephony_trunk_to_trunk TEXT NOT NULL DEFAULT 'never';
ALTER TABLE system ADD COLUMN telephony_decline_policy TEXT NOT NULL DEFAULT 'busy';
ALTER TABLE system ADD COLUMN emergency_line_group TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN emergency_location TEXT REFERENCES locations (name) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE system ADD COLUMN emergency_call_back_seconds INTEGER NOT NULL DEFAULT 3600;
ALTER TABLE system ADD COLUMN emergency_notify TEXT NOT NULL DEFAULT '[]' CHECK (json_type(emergency_notify) = 'array');

ALTER TABLE users ADD COLUMN class_of_service TEXT REFERENCES classes_of_service (name) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE users ADD COLUMN dial_plan_use TEXT NOT NULL DEFAULT 'system';
ALTER TABLE users ADD COLUMN dial_plan_outside_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN dial_plan_country_code TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN dial_plan_city_codes TEXT NOT NULL DEFAULT '[]' CHECK (json_type(dial_plan_city_codes) = 'array');
ALTER TABLE users ADD COLUMN dial_plan_pbx_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN dial_plan_long_distance_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN dial_plan_international_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN dial_plan_extension_lengths TEXT NOT NULL DEFAULT '[]'
  CHECK (json_type(dial_plan_extension_lengths) = 'array');
ALTER TABLE users ADD COLUMN dial_plan_national_lengths TEXT NOT NULL DEFAULT '[]'
  CHECK (json_type(dial_plan_national_lengths) = 'array');
ALTER TABLE users ADD COLUMN dial_plan_remove_area_code INTEGER NOT NULL DEFAULT 0 CHECK (dial_plan_remove_area_code IN (0, 1));
ALTER TABLE users ADD COLUMN dial_plan_apply_to_plus_numbers INTEGER NOT NULL DEFAULT 0
  CHECK (dial_plan_apply_to_plus_numbers IN (0, 1));
ALTER TABLE users ADD COLUMN caller_number TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN withhold_number INTEGER NOT NULL DEFAULT 0 CHECK (withhold_number IN (0, 1));
ALTER TABLE users ADD COLUMN auto_answer TEXT NOT NULL DEFAULT 'never';
ALTER TABLE users ADD COLUMN decline_policy TEXT NOT NULL DEFAULT 'system';
ALTER TABLE users ADD COLUMN absent_text TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN follow_me TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN coverage_number TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN internal_twinning TEXT REFERENCES users (number) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE users ADD COLUMN twinning_time_profile TEXT REFERENCES time_profiles (name) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE users ADD COLUMN twinning_hunt_group_calls INTEGER NOT NULL DEFAULT 0 CHECK (twinning_hunt_group_calls IN (0, 1));

ALTER TABLE user_rights ADD COLUMN class_of_service TEXT REFERENCES classes_of_service (name) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE hunt_groups ADD COLUMN night_service_time_profile TEXT
  REFERENCES time_profiles (name) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE incoming_routes ADD COLUMN time_profile TEXT REFERENCES time_profiles (name) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE locations ADD COLUMN line_group TEXT NOT NULL DEFAULT '';
