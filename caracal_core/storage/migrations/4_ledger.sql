-- The ledger's hot path: one call writes a batch. It locks first, in a fixed order (keys,
-- reservations by id, windows by id), and decides in later statements, each of which sees what
-- the locks waited for: a VOLATILE function in READ COMMITTED has a fresh snapshot for each.
-- What is common is done for the whole batch at once; what is not, work by work, in order.

-- Since when the calendar windows in UTC around an instant have been running: by the period.
-- The first of January 1970 was a Thursday, three days (259200 s) after a Monday.
CREATE FUNCTION ledger_starts(period TEXT, instant BIGINT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE period
        WHEN 'hour' THEN instant - instant % 3600
        WHEN 'day' THEN instant - instant % 86400
        WHEN 'week' THEN instant - (instant + 259200) % 604800
        WHEN 'month' THEN CAST(extract(epoch FROM date_trunc(
            'month', to_timestamp(instant) AT TIME ZONE 'UTC')) AS BIGINT)
        ELSE 0
    END
$$;

-- Claims the keys of a batch: the row of a key excludes whoever has the same one. Returns, for
-- each charge, why it must not be held (NULL where it may be), and its public id where that is
-- an earlier attempt's.
CREATE FUNCTION ledger_claim(
    ids TEXT[], agents TEXT[], keys TEXT[], fingerprints TEXT[], moment DOUBLE PRECISION,
    OUT verdicts TEXT[], OUT charges TEXT[]
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    number INT;
    claim RECORD;
    attempt_state TEXT;
BEGIN
    verdicts := array_fill(NULL::TEXT, ARRAY[cardinality(ids)]);
    charges := verdicts;
    FOR claim IN
        INSERT INTO idempotency_keys AS k (agent, key, charge, fingerprint, attempt, touched_at)
        SELECT DISTINCT ON (c.agent COLLATE "C", c.key COLLATE "C")
            c.agent, c.key, c.id, c.fingerprint, c.id, moment
        FROM unnest(ids, agents, keys, fingerprints)
            WITH ORDINALITY AS c(id, agent, key, fingerprint, number)
        WHERE c.key IS NOT NULL
        ORDER BY c.agent COLLATE "C", c.key COLLATE "C", c.number
        ON CONFLICT (agent, key) DO UPDATE SET touched_at = k.touched_at
        RETURNING k.agent, k.key, k.charge, k.fingerprint, k.attempt
    LOOP
        attempt_state := NULL;
        FOR number IN
            SELECT c.number FROM unnest(agents, keys) WITH ORDINALITY AS c(agent, key, number)
            WHERE c.agent = claim.agent AND c.key = claim.key ORDER BY c.number
        LOOP
            IF attempt_state IN ('own', 'free') THEN  -- the one before it has the key
                verdicts[number] := 'in_flight';
                charges[number] := claim.charge;
                CONTINUE;
            END IF;
            SELECT CASE
                WHEN claim.attempt = ids[number] THEN 'own'
                WHEN claim.fingerprint <> fingerprints[number] THEN 'key_reused'
                WHEN r.state = 'pending' THEN 'in_flight'
                WHEN r.state = 'posted' OR r.adjusted THEN 'already_charged'
                ELSE 'free'
            END INTO attempt_state
            FROM (SELECT 1) AS one LEFT JOIN reservations AS r ON r.id = claim.attempt;
            IF attempt_state NOT IN ('own', 'free') THEN
                verdicts[number] := attempt_state;
            END IF;
            charges[number] := nullif(claim.charge, ids[number]);
        END LOOP;
    END LOOP;
END $$;

-- Settles the claims of a batch: the key of what was held is its own from now on, that of what was
-- not is as it was before.
CREATE FUNCTION ledger_settle_claims(
    ids TEXT[], agents TEXT[], keys TEXT[], made TEXT[], moment DOUBLE PRECISION
) RETURNS VOID LANGUAGE sql AS $$
    UPDATE idempotency_keys AS k SET attempt = c.id, touched_at = moment
    FROM unnest(ids, agents, keys) AS c(id, agent, key)
    WHERE k.agent = c.agent AND k.key = c.key AND k.attempt <> c.id AND c.id = ANY(made);
    DELETE FROM idempotency_keys AS k
    USING unnest(ids, agents, keys) AS c(id, agent, key)
    WHERE k.agent = c.agent AND k.key = c.key AND k.attempt = c.id
        -- What is remembered of an end alone has no agent, and never had the key.
        AND NOT EXISTS (SELECT FROM reservations AS r WHERE r.id = c.id AND r.agent <> '');
$$;

-- Finds the windows of account paths that an instant lies in, nothing locked. Each path has an
-- array of them, as text; its state is 'short' without any budget, 'unopened' where a budget has
-- no window yet, else NULL. Subqueries look up row by row: joined, a plan that was made while the
-- tables were small would read them whole.
CREATE FUNCTION ledger_paths(paths TEXT[], path_currencies TEXT[], instant BIGINT)
RETURNS TABLE (windows TEXT[], states TEXT[])
LANGUAGE sql STABLE AS $$
    SELECT array_agg(CAST(found.windows AS TEXT) ORDER BY found.number),
        array_agg(CASE
            WHEN found.budgets = 0 THEN 'short'
            WHEN found.opened < found.budgets THEN 'unopened'
        END ORDER BY found.number)
    FROM (
        SELECT p.number, count(b.period) AS budgets, count(b.opened) AS opened,
            array_agg(DISTINCT b.opened) FILTER (WHERE b.opened IS NOT NULL) AS windows
        FROM unnest(paths, path_currencies) WITH ORDINALITY AS p(accounts, currency, number)
        LEFT JOIN LATERAL json_array_elements_text(CAST(p.accounts AS JSON)) AS level(name)
            ON TRUE
        LEFT JOIN LATERAL (
            SELECT b.period, (
                SELECT w.id FROM budget_windows AS w
                WHERE w.budget_id = b.id AND w.starts_at = ledger_starts(b.period, instant)
            ) AS opened
            FROM budgets AS b
            WHERE b.currency = p.currency
                AND b.account_id = (SELECT a.id FROM accounts AS a WHERE a.name = level.name)
        ) AS b ON TRUE
        GROUP BY p.number
    ) AS found
$$;

-- Says which of a path's windows is too full for an amount: of the account nearest to the
-- agent, the one that has the least left. No row where it fits all of them.
CREATE FUNCTION ledger_shortage(accounts TEXT, windows BIGINT[], amount BIGINT)
RETURNS TABLE (account TEXT, period TEXT, available BIGINT)
LANGUAGE sql STABLE AS $$
    SELECT a.name, b.period, greatest(w.limit_micro - w.spent_micro - w.held_micro, 0)
    FROM budget_windows AS w
    JOIN budgets AS b ON b.id = w.budget_id
    JOIN accounts AS a ON a.id = b.account_id
    WHERE w.id = ANY(windows) AND amount > w.limit_micro - w.spent_micro - w.held_micro
    ORDER BY (
        SELECT min(level.rank) FROM json_array_elements_text(CAST(accounts AS JSON))
            WITH ORDINALITY AS level(name, rank) WHERE level.name = a.name
    ), w.limit_micro - w.spent_micro - w.held_micro
    LIMIT 1
$$;

-- Moves the windows of one reservation. A counter that is full stays full instead of
-- overflowing; the entry has the whole amount.
CREATE FUNCTION ledger_move(windows BIGINT[], held BIGINT, spent BIGINT) RETURNS VOID
LANGUAGE sql AS $$
    UPDATE budget_windows SET
        held_micro = held_micro - held,
        spent_micro = spent_micro
            + least(spent, 9223372036854775807 - spent_micro - held_micro + held),
        excess_micro = greatest(
            excess_micro,
            spent_micro + least(spent, 9223372036854775807 - spent_micro - held_micro + held)
                - held + held_micro - limit_micro
        )
    WHERE id = ANY(windows)
$$;

-- Enters how one reservation stands in the journal.
CREATE FUNCTION ledger_enter(
    reservation reservations, kind TEXT, amount BIGINT, currency TEXT, cause TEXT, basis TEXT,
    moment DOUBLE PRECISION
) RETURNS VOID LANGUAGE sql AS $$
    INSERT INTO entries (
        charge, kind, agent, route, request, currency, held_micro, amount_micro, cause, basis,
        price, created_at
    ) VALUES (
        coalesce(reservation.charge, reservation.id), kind, reservation.agent, reservation.route,
        reservation.request, currency,
        CASE kind WHEN 'adjustment' THEN 0 ELSE reservation.amount_micro END,
        amount, cause, basis, reservation.price, moment
    )
$$;

-- Holds one charge of a batch whose windows are locked, or says why not.
CREATE FUNCTION ledger_hold(
    charged reservations, refusal TEXT,
    OUT verdict TEXT, OUT standing reservations,
    OUT account TEXT, OUT period TEXT, OUT available BIGINT
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    SELECT * INTO standing FROM reservations WHERE id = charged.id;
    IF FOUND THEN
        verdict := CASE
            WHEN standing.state <> 'pending' THEN 'over'
            WHEN (standing.agent, standing.accounts, standing.route, standing.request,
                  standing.currency, standing.amount_micro, standing.orphan)
                = (charged.agent, charged.accounts, charged.route, charged.request,
                   charged.currency, charged.amount_micro, charged.orphan) THEN 'found'
            ELSE 'other'
        END;
        RETURN;
    END IF;
    verdict := refusal;
    IF verdict IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO account, period, available
    FROM ledger_shortage(charged.accounts, charged.windows, charged.amount_micro);
    IF FOUND THEN
        verdict := 'short';
        RETURN;
    END IF;
    INSERT INTO reservations SELECT charged.* ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'another try of % arrived just now', charged.id
            USING ERRCODE = 'serialization_failure';
    END IF;
    UPDATE budget_windows SET held_micro = held_micro + charged.amount_micro
    WHERE id = ANY(charged.windows);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the last budget of % was removed just now', charged.id
            USING ERRCODE = 'serialization_failure';
    END IF;
    standing := charged;
    verdict := 'held';
END $$;

-- Ends one reservation whose row and windows are locked, or says how it ended before.
-- NULL for an amount voids it.
CREATE FUNCTION ledger_end(
    wanted TEXT, amount BIGINT, money TEXT, why TEXT, read TEXT, moment DOUBLE PRECISION,
    OUT news TEXT, OUT reservation reservations
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    missing BIGINT;
    named TEXT;
BEGIN
    SELECT * INTO reservation FROM reservations WHERE id = wanted FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO reservations (
            id, state, posted_micro, currency, cause, basis, agent, accounts, route, request,
            amount_micro, orphan, owner, windows, created_at, expires_at, ended_at
        ) VALUES (
            wanted, CASE WHEN amount IS NULL THEN 'voided' ELSE 'posted' END,
            coalesce(amount, 0), coalesce(money, 'XXX'), why, read, '', '[]', '', '',
            0, 'void', '', '{}', moment, moment, moment
        ) ON CONFLICT (id) DO NOTHING RETURNING * INTO reservation;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the reserve of % arrived just now', wanted
                USING ERRCODE = 'serialization_failure';
        END IF;
        news := 'unknown';
        IF amount IS NOT NULL THEN
            PERFORM ledger_enter(reservation, 'posted', amount, money, why, read, moment);
        END IF;
    ELSIF reservation.state = 'pending' THEN
        UPDATE reservations SET
            state = CASE WHEN amount IS NULL THEN 'voided' ELSE 'posted' END,
            posted_micro = CASE
                WHEN amount IS NULL THEN 0 WHEN currency = money THEN amount ELSE amount_micro
            END,
            cause = why,
            basis = CASE WHEN currency <> money THEN 'held' ELSE read END,
            ended_at = moment
        WHERE id = wanted RETURNING * INTO reservation;
        PERFORM ledger_enter(
            reservation, reservation.state, reservation.posted_micro, reservation.currency,
            why, reservation.basis, moment
        );
        PERFORM ledger_move(
            reservation.windows, reservation.amount_micro, reservation.posted_micro
        );
        news := 'ended';
    ELSE
        news := 'repeated';
        -- Endings that somebody else than its owner decided may lack money that was spent, of
        -- which only the owner knows.
        IF amount IS NULL OR why IN ('orphan', 'expired', 'released') OR reservation.adjusted
            OR (reservation.state = 'posted'
                AND reservation.cause NOT IN ('orphan', 'expired', 'released'))
        THEN
            RETURN;
        END IF;
        IF reservation.currency IN (money, 'XXX') THEN
            named := money;
            missing := amount - reservation.posted_micro;
        ELSE
            named := reservation.currency;
            missing := reservation.amount_micro - reservation.posted_micro;
            read := 'held';
        END IF;
        IF missing > 0 THEN
            UPDATE reservations SET adjusted = TRUE WHERE id = wanted;
            PERFORM ledger_enter(
                reservation, 'adjustment', missing, named, 'adjustment', read, moment
            );
            PERFORM ledger_move(reservation.windows, 0, missing);
            news := 'adjusted';
        END IF;
    END IF;
END $$;

-- Writes a batch: the reserves, then the ends, all or none.
--
-- path_accounts, path_currencies: the distinct account paths (JSON arrays of names) of the
-- reserves; new_paths says which is whose, counted from 1. NULL in end_amounts voids.
--
-- Returns one row for all that went the common way, else one for each, by its verdict:
-- reserves: held (new), found (an earlier try of the same charge holds it), short
-- (account, period, available; period NULL without any budget), other (the id is another
-- charge's), over (it has ended: state), key_reused, in_flight, already_charged (charge),
-- unopened (a window has to be opened first); ends: ended, over_held
-- (ended above its hold or in another currency, or right after its reserve), repeated, adjusted,
-- unknown, waits (its
-- reserve is unopened). Nothing is done to what is unopened or waits. Beside the ids are named: of
-- what was held, the public id where it is an earlier attempt's; of what ended, the currency.
CREATE FUNCTION ledger_write(
    at DOUBLE PRECISION, renewer TEXT,
    path_accounts TEXT[], path_currencies TEXT[],
    new_ids TEXT[], new_paths INT[], new_agents TEXT[], new_routes TEXT[], new_requests TEXT[],
    new_amounts BIGINT[], new_seconds DOUBLE PRECISION[], new_orphans TEXT[], new_prices TEXT[],
    new_keys TEXT[], new_fingerprints TEXT[],
    end_ids TEXT[], end_amounts BIGINT[], end_currencies TEXT[], end_causes TEXT[],
    end_bases TEXT[]
) RETURNS TABLE (
    verdict TEXT, ids TEXT[], named TEXT[], instant DOUBLE PRECISION,
    state TEXT, micro BIGINT, cause TEXT, overrun BOOLEAN, account TEXT, period TEXT
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    moment DOUBLE PRECISION := coalesce(at, extract(epoch FROM clock_timestamp()));
    number INT;
    answer RECORD;
    charged reservations;
    refused TEXT[];         -- why a charge must not be held, by its number
    charges TEXT[];         -- its public id, where it is another's
    ended_ids TEXT[];       -- ends of holds that they do not pass
    ended_currencies TEXT[];
    ended_windows BIGINT[]; -- what these move, by window
    ended_held BIGINT[];
    ended_spent BIGINT[];
    other_windows BIGINT[]; -- windows of the reservations of all other ends
    path_windows TEXT[];    -- by path: an array, as text
    path_states TEXT[];     -- by path: NULL where all windows are open
    crowded BIGINT[];       -- windows that not all of the charges fit
    alone BOOLEAN[];        -- by path: whether it has such a window
    made TEXT[];            -- what was held
    left_out TEXT[];        -- reserves whose ends have to wait too
BEGIN
    IF cardinality(array_remove(new_keys, NULL)) > 0 THEN
        SELECT * INTO refused, charges
        FROM ledger_claim(new_ids, new_agents, new_keys, new_fingerprints, moment);
    END IF;

    IF cardinality(end_ids) > 0 THEN
        -- A hold ends only where it is pending; whoever comes second finds that it is not.
        WITH ended AS (
            UPDATE reservations AS r SET
                state = CASE WHEN e.amount IS NULL THEN 'voided' ELSE 'posted' END,
                posted_micro = coalesce(e.amount, 0),
                cause = e.cause,
                basis = e.basis,
                ended_at = moment
            FROM (
                SELECT * FROM unnest(end_ids, end_amounts, end_currencies, end_causes, end_bases)
                    AS e(id, amount, currency, cause, basis)
                WHERE e.id NOT IN (SELECT unnest(new_ids))  -- those are ended after their reserve
                ORDER BY e.id COLLATE "C"
            ) AS e
            WHERE r.id = e.id AND r.ended_at IS NULL  -- said so that no other index fits
                AND (e.amount IS NULL OR r.currency = e.currency AND e.amount <= r.amount_micro)
            RETURNING r.*
        ), entered AS (
            INSERT INTO entries (
                charge, kind, agent, route, request, currency, held_micro, amount_micro, cause,
                basis, price, created_at
            )
            SELECT coalesce(charge, id), state, agent, route, request, currency, amount_micro,
                posted_micro, cause, basis, price, moment
            FROM ended
        ), moved AS (
            SELECT held_in AS id, CAST(sum(ended.amount_micro) AS BIGINT) AS held,
                CAST(sum(ended.posted_micro) AS BIGINT) AS spent
            FROM ended CROSS JOIN unnest(ended.windows) AS held_in GROUP BY held_in
        )
        SELECT e.ids, e.currencies, m.ids, m.held, m.spent
        INTO ended_ids, ended_currencies, ended_windows, ended_held, ended_spent
        FROM (SELECT array_agg(id) AS ids, array_agg(currency) AS currencies FROM ended) AS e,
            (SELECT array_agg(id) AS ids, array_agg(held) AS held, array_agg(spent) AS spent
             FROM moved) AS m;
        IF coalesce(cardinality(ended_ids), 0) < cardinality(end_ids) THEN
            SELECT array_agg(held_in) INTO other_windows
            FROM (
                SELECT r.windows FROM reservations AS r
                WHERE r.id = ANY(end_ids) AND r.id <> ALL(coalesce(ended_ids, '{}'))
                ORDER BY r.id COLLATE "C" FOR UPDATE
            ) AS r CROSS JOIN unnest(r.windows) AS held_in;
        END IF;
    END IF;

    IF cardinality(new_ids) > 0 THEN
        SELECT * INTO path_windows, path_states
        FROM ledger_paths(path_accounts, path_currencies, CAST(floor(moment) AS BIGINT));
    END IF;

    PERFORM FROM budget_windows AS w
    WHERE w.id = ANY(ARRAY(
        SELECT unnest(CAST(p.windows AS BIGINT[])) FROM unnest(path_windows) AS p(windows)
    ) || ended_windows || other_windows)
    ORDER BY w.id FOR UPDATE;

    IF cardinality(new_ids) > 0 THEN
        SELECT array_agg(d.id) FILTER (
            WHERE w.id IS NULL OR d.needed > w.limit_micro - w.spent_micro - w.held_micro
        ) INTO crowded
        FROM (
            SELECT held_in.id, sum(p.needed) AS needed
            FROM (
                SELECT n.path, sum(n.amount) AS needed
                FROM unnest(new_paths, new_amounts) AS n(path, amount) GROUP BY n.path
            ) AS p
            CROSS JOIN LATERAL unnest(CAST(path_windows[p.path] AS BIGINT[])) AS held_in(id)
            GROUP BY held_in.id
        ) AS d LEFT JOIN budget_windows AS w ON w.id = d.id;
        IF crowded IS NOT NULL THEN
            SELECT array_agg(CAST(p.windows AS BIGINT[]) && crowded ORDER BY p.number)
            INTO alone FROM unnest(path_windows) WITH ORDINALITY AS p(windows, number);
        END IF;

        WITH made AS (
            INSERT INTO reservations (
                id, agent, accounts, route, request, currency, amount_micro, orphan, owner,
                windows, created_at, expires_at, price, charge
            )
            SELECT n.id, n.agent, path_accounts[n.path], n.route, n.request,
                path_currencies[n.path], n.amount, n.orphan, renewer,
                CAST(path_windows[n.path] AS BIGINT[]), moment, moment + n.seconds, n.price,
                charges[n.number]
            FROM unnest(
                new_ids, new_paths, new_agents, new_routes, new_requests, new_amounts,
                new_seconds, new_orphans, new_prices
            ) WITH ORDINALITY AS n(
                id, path, agent, route, request, amount, seconds, orphan, price, number
            )
            WHERE refused[n.number] IS NULL AND path_states[n.path] IS NULL
                AND alone[n.path] IS NOT TRUE
            ORDER BY n.id COLLATE "C"
            ON CONFLICT (id) DO NOTHING
            RETURNING id, charge, amount_micro, windows
        ), held AS (
            UPDATE budget_windows AS w SET held_micro = w.held_micro + moved.amount
            FROM (
                SELECT held_in AS id, CAST(sum(made.amount_micro) AS BIGINT) AS amount
                FROM made CROSS JOIN unnest(made.windows) AS held_in GROUP BY held_in
            ) AS moved WHERE w.id = moved.id
        )
        SELECT array_agg(made.id), array_agg(made.charge) INTO made, named FROM made;
        IF made IS NOT NULL THEN
            verdict := 'held';
            ids := made;
            instant := moment;
            RETURN NEXT;
        END IF;

        IF coalesce(cardinality(made), 0) < cardinality(new_ids) THEN
            FOR number IN 1 .. cardinality(new_ids) LOOP
                CONTINUE WHEN new_ids[number] = ANY(made);
                charged := NULL;
                charged.id := new_ids[number];
                charged.agent := new_agents[number];
                charged.accounts := path_accounts[new_paths[number]];
                charged.route := new_routes[number];
                charged.request := new_requests[number];
                charged.currency := path_currencies[new_paths[number]];
                charged.amount_micro := new_amounts[number];
                charged.orphan := new_orphans[number];
                charged.owner := renewer;
                charged.windows := CAST(path_windows[new_paths[number]] AS BIGINT[]);
                charged.created_at := moment;
                charged.expires_at := moment + new_seconds[number];
                charged.state := 'pending';
                charged.posted_micro := 0;
                charged.price := new_prices[number];
                charged.basis := '';
                charged.adjusted := FALSE;
                charged.charge := charges[number];
                SELECT * INTO answer FROM ledger_hold(
                    charged, coalesce(refused[number], path_states[new_paths[number]])
                );
                verdict := answer.verdict;
                ids := ARRAY[charged.id];
                named := ARRAY[coalesce((answer.standing).charge, charges[number])];
                instant := (answer.standing).expires_at;
                state := (answer.standing).state;
                micro := answer.available;
                account := answer.account;
                period := answer.period;
                IF verdict = 'held' THEN
                    made := made || charged.id;
                    instant := moment;
                ELSIF verdict = 'unopened' THEN
                    left_out := left_out || charged.id;
                END IF;
                RETURN NEXT;
            END LOOP;
        END IF;
        IF charges IS NOT NULL THEN
            PERFORM ledger_settle_claims(new_ids, new_agents, new_keys, made, moment);
        END IF;
    END IF;

    IF ended_ids IS NOT NULL THEN
        UPDATE budget_windows AS w SET
            held_micro = w.held_micro - m.held, spent_micro = w.spent_micro + m.spent
        FROM unnest(ended_windows, ended_held, ended_spent) AS m(id, held, spent)
        WHERE w.id = m.id;
        RETURN QUERY SELECT 'ended', ended_ids, ended_currencies, moment, NULL,
            NULL::BIGINT, NULL, FALSE, NULL, NULL;
    END IF;
    IF coalesce(cardinality(ended_ids), 0) < cardinality(end_ids) THEN
        FOR number IN 1 .. cardinality(end_ids) LOOP
            CONTINUE WHEN end_ids[number] = ANY(ended_ids);
            IF end_ids[number] = ANY(left_out) THEN
                RETURN QUERY SELECT 'waits', ARRAY[end_ids[number]], NULL::TEXT[], moment,
                    NULL, NULL::BIGINT, NULL, FALSE, NULL, NULL;
                CONTINUE;
            END IF;
            SELECT * INTO answer FROM ledger_end(
                end_ids[number], end_amounts[number], end_currencies[number],
                end_causes[number], end_bases[number], moment
            );
            charged := answer.reservation;
            RETURN QUERY SELECT
                CASE answer.news WHEN 'ended' THEN 'over_held' ELSE answer.news END, ARRAY[end_ids[number]],
                ARRAY[CAST(charged.currency AS TEXT)], moment, CAST(charged.state AS TEXT), charged.posted_micro, CAST(charged.cause AS TEXT),
                answer.news = 'ended' AND charged.posted_micro > charged.amount_micro, NULL, NULL;
        END LOOP;
    END IF;
END $$;
