-- The short codes of a new box, as rows that people may change: what firmware/call/routing/default-short-codes.ts says.
-- A box that has codes keeps each of them as it is; one that is nearly full of them gets none.
CREATE TEMP TABLE room AS
  SELECT
    (SELECT count(*) FROM short_codes) + (SELECT count(*) FROM user_short_codes) + (SELECT count(*) FROM user_rights_short_codes)
      <= 940 AS is_there,
    -- Whoever has codes to dial out with has decided what reaches outside.
    NOT EXISTS (SELECT 1 FROM short_codes WHERE feature = 'dial') AS dials_nothing,
    (SELECT substr(locale, 4) FROM system) AS region;

INSERT OR IGNORE INTO short_codes (code, feature, telephone_number)
  SELECT column1, column2, column3 FROM (VALUES
    ('*00', 'cancel-all-forwarding', ''), ('*01', 'forward-unconditional-on', ''),
    ('*02', 'forward-unconditional-off', ''), ('*03', 'forward-on-busy-on', ''), ('*04', 'forward-on-busy-off', ''),
    ('*05', 'forward-on-no-answer-on', ''), ('*06', 'forward-on-no-answer-off', ''), ('*07*N#', 'forward-number', 'N'),
    ('*08', 'do-not-disturb-on', ''), ('*09', 'do-not-disturb-off', ''),
    ('*10*N#', 'do-not-disturb-exception-add', 'N'), ('*11*N#', 'do-not-disturb-exception-delete', 'N'),
    ('*12*N#', 'follow-me-here', 'N'), ('*13*N#', 'follow-me-here-cancel', 'N'), ('*14*N#', 'follow-me-to', 'N'),
    ('*15', 'call-waiting-on', ''), ('*16', 'call-waiting-off', ''), ('*17', 'voicemail-collect', 'U'),
    ('*18', 'voicemail-on', ''), ('*19', 'voicemail-off', ''), ('*20*N#', 'hunt-group-night-service-on', 'N'),
    ('*21*N#', 'hunt-group-night-service-off', 'N'), ('*29', 'toggle-calls', ''), ('*30', 'call-pickup-any', ''),
    ('*31', 'call-pickup-group', ''), ('*32*N#', 'call-pickup-extension', 'N'), ('*35*N#', 'extension-login', 'N'),
    ('*36', 'extension-logout', ''), ('*37*N#', 'call-park', 'N'), ('*38*N#', 'call-unpark', 'N'),
    ('*45*N#', 'call-steal', 'N'), ('*47', 'conference-add', ''), ('*48', 'voicemail-ringback-on', ''),
    ('*49', 'voicemail-ringback-off', ''), ('*50', 'forward-hunt-group-calls-on', ''),
    ('*51', 'forward-hunt-group-calls-off', ''), ('*53*N#', 'call-pickup-members', 'N'),
    ('*57*N#', 'forward-on-busy-number', 'N')
  ) WHERE (SELECT is_there FROM room);

INSERT OR IGNORE INTO short_codes (code, feature, telephone_number)
  SELECT column2, column3, column4 FROM (VALUES
    (1, '9N', 'dial', 'N'), (0, '?', 'dial', '.')
  ) WHERE column1 = ((SELECT region FROM room) IN ('CA', 'US')) AND (SELECT is_there AND dials_nothing FROM room);

INSERT OR IGNORE INTO short_codes (code, feature, telephone_number)
  SELECT column2, 'dial-emergency', column3 FROM (VALUES
    ('', '112', '112'),
    ('AT', '122', '122'), ('AT', '133', '133'), ('AT', '144', '144'), ('AU', '000', '000'), ('BE', '100', '100'),
    ('BE', '101', '101'), ('BR', '190', '190'), ('BR', '192', '192'), ('BR', '193', '193'), ('CA', '911', '911'),
    ('CA', '9112', '112'), ('CA', '9911', '911'), ('CH', '117', '117'), ('CH', '118', '118'), ('CH', '144', '144'),
    ('CN', '110', '110'), ('CN', '119', '119'), ('CN', '120', '120'), ('CN', '122', '122'), ('DE', '110', '110'),
    ('ES', '061', '061'), ('ES', '062', '062'), ('ES', '080', '080'), ('ES', '091', '091'), ('ES', '092', '092'),
    ('FR', '15', '15'), ('FR', '17', '17'), ('FR', '18', '18'), ('FR', '114', '114'), ('GB', '999', '999'),
    ('HK', '999', '999'), ('IE', '999', '999'), ('IN', '100', '100'), ('IN', '101', '101'), ('IN', '102', '102'),
    ('IN', '108', '108'), ('IT', '113', '113'), ('IT', '115', '115'), ('IT', '118', '118'), ('JP', '110', '110'),
    ('JP', '118', '118'), ('JP', '119', '119'), ('MX', '911', '911'), ('NZ', '111', '111'), ('PL', '997', '997'),
    ('PL', '998', '998'), ('PL', '999', '999'), ('SG', '995', '995'), ('SG', '999', '999'), ('US', '911', '911'),
    ('US', '9112', '112'), ('US', '9911', '911'), ('ZA', '10111', '10111'), ('ZA', '10177', '10177')
  ) WHERE column1 IN ('', (SELECT region FROM room)) AND (SELECT is_there FROM room);

DROP TABLE room;
