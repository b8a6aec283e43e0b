-- G.722 is a codec of the box: who had it among those of clients alone has it first among its own, as the files for phones
-- had it.
UPDATE system SET
  media_codecs = (
    SELECT json_group_array(value) FROM (SELECT 'G722' AS value UNION ALL SELECT value FROM json_each(media_codecs))
  ),
  phones_other_codecs = (SELECT json_group_array(value) FROM json_each(phones_other_codecs) WHERE value <> 'G722')
  WHERE EXISTS (SELECT 1 FROM json_each(phones_other_codecs) WHERE value = 'G722');
