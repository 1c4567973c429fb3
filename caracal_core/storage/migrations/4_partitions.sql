-- The partitions of the journal: one for each calendar month in UTC, and a default one, so that
-- no entry fails for lack of one.

CREATE FUNCTION entries_stay() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'entries are added, never changed or removed'; END $$;

-- Makes one partition. Rows are guarded by the table's own trigger; TRUNCATE asks each partition.
CREATE FUNCTION entries_add_partition(name TEXT, bounds TEXT) RETURNS VOID
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I PARTITION OF entries %s', name, bounds);
    EXECUTE format(
        'CREATE TRIGGER entries_stay_whole BEFORE TRUNCATE ON %I
         FOR EACH STATEMENT EXECUTE FUNCTION entries_stay()', name);
END $$;

-- Makes the partition of the month that begins at an instant, unless there is one; returns
-- whether it was made. Where the default partition has entries of that month, all that it has is
-- entered anew, unless that is more than so many: then all stay, and so do those to come. Whoever
-- writes waits behind its lock, so it does not wait long for it.
CREATE FUNCTION entries_add_month(starts BIGINT, most BIGINT DEFAULT NULL) RETURNS BOOLEAN
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    month TIMESTAMP := to_timestamp(starts) AT TIME ZONE 'UTC';
    past BIGINT := extract(epoch FROM month + INTERVAL '1 month');
    name TEXT := 'entries_' || to_char(month, 'YYYY_MM');
    strays BOOLEAN;
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN FALSE;
    END IF;
    LOCK TABLE entries IN ACCESS EXCLUSIVE MODE;
    IF to_regclass(name) IS NOT NULL THEN  -- somebody else was faster
        RETURN FALSE;
    END IF;
    -- Not before the lock: two that looked into the default partition would wait for each other.
    SELECT EXISTS (
        SELECT FROM entries_default WHERE created_at >= starts AND created_at < past
    ) INTO strays;
    IF strays AND most IS NOT NULL THEN
        IF (SELECT count(*) > most FROM (SELECT FROM entries_default LIMIT most + 1) AS moving) THEN
            RETURN FALSE;
        END IF;
    END IF;
    IF strays THEN
        ALTER TABLE entries DETACH PARTITION entries_default;
        ALTER TABLE entries_default RENAME TO entries_strays;
        PERFORM entries_add_partition('entries_default', 'DEFAULT');
    END IF;
    PERFORM entries_add_partition(
        name, format('FOR VALUES FROM (%s) TO (%s)', starts, past));
    IF strays THEN
        INSERT INTO entries OVERRIDING SYSTEM VALUE SELECT * FROM entries_strays ORDER BY id;
        DROP TABLE entries_strays;
    END IF;
    RETURN TRUE;
END $$;
