-- The effects of events on affiliates: clicks, referrals, commissions.

CREATE INDEX affiliate_referrals_affiliate_email_idx ON affiliates.affiliate_referrals (affiliate_id, lower(referred_email));
CREATE INDEX affiliate_referrals_affiliate_click_idx ON affiliates.affiliate_referrals (affiliate_id, click_id);

CREATE FUNCTION affiliates.apply_click(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                       p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict constant text := ingest.event_problem(p_at, p_data);
    named constant text := ingest.event_entity(p_subject, p_data, 'affiliate_code', 'affiliate_id');
    affiliate uuid;
    click constant uuid := CASE WHEN coalesce(p_data ->> 'click_id', '') = '' THEN p_event_id
                                ELSE ingest.event_uuid(p_data ->> 'click_id') END;
    land constant text := CASE WHEN p_data ->> 'country' ~ '^[A-Za-z]{2}$' THEN upper(p_data ->> 'country') END;
    address inet;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    ELSIF click IS NULL THEN
        RETURN 'bad_value: click_id is no uuid';
    ELSIF greatest(octet_length(p_data ->> 'visitor_id'), octet_length(p_data ->> 'utm_campaign')) > 1024 THEN
        -- A sealed partition has an index on them, and an index entry cannot be long.
        RETURN 'field_too_long: visitor_id and utm_campaign have at most 1024 bytes';
    END IF;
    affiliate := ingest.find_entity('affiliates.affiliates', 'lower(affiliate_code)', lower(named));
    IF affiliate IS NULL THEN
        RETURN format('unknown_affiliate: no affiliate has the code or id %s', named);
    END IF;
    address := ingest.event_address(p_data ->> 'ip_address');
    INSERT INTO affiliates.affiliate_clicks (affiliate_id, clicked_at, id, visitor_id, landing_page, referrer, utm_source, utm_medium,
                                             utm_campaign, utm_term, utm_content, ip_address, user_agent, country, metadata,
                                             source_id, batch_id)
    VALUES (affiliate, p_at, click, p_data ->> 'visitor_id', p_data ->> 'landing_page', p_data ->> 'referrer', p_data ->> 'utm_source',
            p_data ->> 'utm_medium', p_data ->> 'utm_campaign', p_data ->> 'utm_term', p_data ->> 'utm_content', address,
            p_data ->> 'user_agent', land,
            nullif(p_data - array_remove(ARRAY['affiliate_code', 'affiliate_id', 'click_id', 'visitor_id', 'landing_page', 'referrer',
                                               'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content', 'user_agent',
                                               CASE WHEN address IS NOT NULL THEN 'ip_address' END,
                                               CASE WHEN land IS NOT NULL THEN 'country' END], NULL), '{}'),
            p_source_id, p_batch_id)
    ON CONFLICT (affiliate_id, clicked_at, id) DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION affiliates.apply_click(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS
    'Applies affiliate.click: a row of affiliate_clicks; a click_id that comes again with the same time is one click. Reasons: '
    'unknown_affiliate, bad_value, bad_data';

-- A customer is identified by user, email or click. Early conversions may each have one of them and
-- create a referral each, until a conversion has both: then these referrals are of one customer, and
-- whatever the order, one referral remains. A referral that an event created has the event's id, as
-- its commission has; only such referrals are merged into another.
CREATE FUNCTION affiliates.matching_referrals(p_affiliate_id uuid, p_user_id uuid, p_email text, p_click_id uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    ids uuid[];
BEGIN
    WITH found AS (
        SELECT u.id, 1 AS rank FROM affiliates.affiliate_referrals AS u
        WHERE u.referred_user_id = p_user_id AND u.affiliate_id = p_affiliate_id
        UNION ALL
        SELECT e.id, 2 FROM affiliates.affiliate_referrals AS e
        WHERE e.affiliate_id = p_affiliate_id AND lower(e.referred_email) = lower(p_email)
        UNION ALL
        SELECT c.id, 3 FROM affiliates.affiliate_referrals AS c WHERE c.affiliate_id = p_affiliate_id AND c.click_id = p_click_id
    ), fitting AS (
        -- Another user is another customer; of one click, another email is too.
        SELECT r.id, f.rank, r.referred_user_id AS user_id, lower(r.referred_email) AS email, r.created_at,
               EXISTS (SELECT FROM affiliates.affiliate_commissions AS c WHERE c.id = r.id) AS by_event
        FROM (SELECT id, min(rank) AS rank FROM found GROUP BY id) AS f JOIN affiliates.affiliate_referrals AS r ON r.id = f.id
        WHERE (r.referred_user_id = p_user_id) IS NOT FALSE AND (f.rank < 3 OR (lower(r.referred_email) = lower(p_email)) IS NOT FALSE)
    ), best AS (
        SELECT f.* FROM fitting AS f ORDER BY f.by_event, f.rank, f.user_id, f.created_at, f.id LIMIT 1
    )
    SELECT array_agg(f.id ORDER BY f.id <> b.id, f.id) INTO ids
    FROM fitting AS f CROSS JOIN best AS b
    WHERE f.id = b.id OR (f.by_event AND (f.user_id = b.user_id) IS NOT FALSE AND (f.email = b.email) IS NOT FALSE
                          AND (SELECT count(DISTINCT u.user_id) FROM fitting AS u) <= 1);
    RETURN ids;
END
$$;
COMMENT ON FUNCTION affiliates.matching_referrals(uuid, uuid, text, uuid) IS
    'An affiliate''s referrals of one customer: first the one to keep, then those that are to be merged into it; null: none';

CREATE FUNCTION affiliates.first_named(p_referral_id uuid, p_member text, p_now text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    named text[];
BEGIN
    SELECT array_agg(c.metadata ->> p_member ORDER BY c.earned_at, c.id) INTO named FROM affiliates.affiliate_commissions AS c
    WHERE c.referral_id = p_referral_id AND c.metadata ->> p_member <> '';
    RETURN CASE WHEN p_now IS NULL OR p_now = ANY (named) THEN named[1] ELSE p_now END;
END
$$;
COMMENT ON FUNCTION affiliates.first_named(uuid, text, text) IS
    'A member as the earliest conversion of a referral that has it says it; p_now, what the referral says now, stays when it came '
    'from none of them';

CREATE FUNCTION affiliates.click_time(p_affiliate_id uuid, p_click_id uuid, p_before timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog
AS $$
    SELECT max(c.clicked_at) FROM affiliates.affiliate_clicks AS c
    WHERE c.affiliate_id = p_affiliate_id AND c.id = p_click_id AND c.clicked_at <= p_before
$$;
COMMENT ON FUNCTION affiliates.click_time(uuid, uuid, timestamptz) IS
    'When a click was made, for the first conversion of a customer whose sender does not say. Reads the key''s index as far as it is '
    'the affiliate''s: clicks have no index for this alone';

CREATE FUNCTION affiliates.conversion_problem(p_affiliate_id uuid, p_referral_id uuid, p_at timestamptz, p_click_id uuid,
                                              p_clicked_at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    referral record;
    days integer;
    clicked timestamptz := p_clicked_at;
BEGIN
    SELECT r.status, r.expires_at INTO referral FROM affiliates.affiliate_referrals AS r WHERE r.id = p_referral_id;
    IF FOUND THEN
        IF p_at >= referral.expires_at THEN
            RETURN format('conversion_expired: referral %s counts until %s', p_referral_id, ingest.time_text(referral.expires_at));
        ELSIF referral.status = 'rejected' OR (referral.status = 'expired' AND referral.expires_at IS NULL) THEN
            RETURN format('conversion_expired: referral %s is %s', p_referral_id, referral.status);
        END IF;
        RETURN NULL; -- signed up in time
    END IF;
    SELECT a.cookie_days INTO days FROM affiliates.affiliates AS a WHERE a.id = p_affiliate_id;
    IF clicked IS NULL AND p_click_id IS NOT NULL THEN
        clicked := affiliates.click_time(p_affiliate_id, p_click_id, p_at);
    END IF;
    IF p_at - clicked >= make_interval(days => days) THEN
        RETURN format('conversion_expired: the click at %s counts for %s days', ingest.time_text(clicked), days);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION affiliates.conversion_problem(uuid, uuid, timestamptz, uuid, timestamptz) IS
    'Verdict on a conversion that comes too late: after the referral''s expires_at or, where it makes the referral, after the cookie '
    'days of the click';

CREATE FUNCTION affiliates.merge_referrals(p_ids uuid[], p_user_id uuid, p_at timestamptz, p_value numeric) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    keep constant uuid := p_ids[1];
    customer uuid := p_user_id;
    first record;
BEGIN
    IF cardinality(p_ids) > 1 THEN
        SELECT r.referred_user_id INTO customer FROM affiliates.affiliate_referrals AS r
        WHERE r.id = ANY (p_ids) AND r.referred_user_id IS NOT NULL;
        customer := coalesce(customer, p_user_id);
    END IF;
    SELECT c.at, c.value INTO first
    FROM (SELECT p_at, p_value UNION ALL
          SELECT r.converted_at, r.conversion_value FROM affiliates.affiliate_referrals AS r WHERE r.id = ANY (p_ids)) AS c (at, value)
    ORDER BY c.at, c.value LIMIT 1;
    IF cardinality(p_ids) > 1 THEN
        UPDATE affiliates.affiliate_commissions SET referral_id = keep WHERE referral_id = ANY (p_ids[2:]);
        DELETE FROM affiliates.affiliate_referrals WHERE id = ANY (p_ids[2:]);
    END IF;
    UPDATE affiliates.affiliate_referrals AS r
    SET status = 'converted', referred_user_id = coalesce(r.referred_user_id, customer), converted_at = first.at,
        conversion_value = first.value
    WHERE r.id = keep;
END
$$;
COMMENT ON FUNCTION affiliates.merge_referrals(uuid[], uuid, timestamptz, numeric) IS
    'Of apply_conversion: makes one converted referral of several of one customer, by its earliest conversion';

CREATE FUNCTION affiliates.convert_referral(p_event_id uuid, p_affiliate_id uuid, p_at timestamptz, p_value numeric, p_data jsonb,
                                            p_subscription_id uuid, OUT referral_id uuid, OUT is_new boolean, OUT verdict text)
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    customer constant uuid := ingest.event_uuid(p_data ->> 'user_id');
    email constant text := nullif(p_data ->> 'email', '');
    click constant uuid := ingest.event_uuid(p_data ->> 'click_id');
    clicked constant timestamptz := ingest.event_time(p_data ->> 'clicked_at');
    ids uuid[];
    broken text;
BEGIN
    FOR attempt IN 1..3 LOOP
        IF EXISTS (SELECT FROM affiliates.affiliate_referrals AS r
                   WHERE r.referred_user_id = customer AND r.affiliate_id <> p_affiliate_id) THEN
            verdict := format('referral_taken: user %s was brought by another affiliate', customer);
            RETURN;
        END IF;
        ids := affiliates.matching_referrals(p_affiliate_id, customer, email, click);
        verdict := affiliates.conversion_problem(p_affiliate_id, ids[1], p_at, click, clicked);
        IF verdict IS NOT NULL THEN
            RETURN;
        END IF;
        referral_id := coalesce(ids[1], p_event_id);
        is_new := ids IS NULL;
        BEGIN
            IF is_new THEN
                INSERT INTO affiliates.affiliate_referrals (id, affiliate_id, referred_user_id, referred_email, subscription_id, status,
                                                            click_id, clicked_at, conversion_value, currency, converted_at)
                SELECT p_event_id, a.id, customer, email, p_subscription_id, 'converted', click, clicked, p_value, a.currency, p_at
                FROM affiliates.affiliates AS a WHERE a.id = p_affiliate_id;
            ELSE
                PERFORM affiliates.merge_referrals(ids, customer, p_at, p_value);
            END IF;
            RETURN;
        EXCEPTION WHEN unique_violation THEN
            GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
            IF broken <> 'affiliate_referrals_referred_user_id_key' THEN
                RAISE;
            END IF; -- another session has just created a referral of this user: search again
        END;
    END LOOP;
    RAISE EXCEPTION 'user % is being brought by another session whose rows this transaction cannot see', customer
        USING ERRCODE = 'serialization_failure', HINT = 'Try again.';
END
$$;
COMMENT ON FUNCTION affiliates.convert_referral(uuid, uuid, timestamptz, numeric, jsonb, uuid) IS
    'Of apply_conversion, which holds the affiliate''s lock: finds or makes the referral and converts it, or says why not';

CREATE FUNCTION affiliates.apply_conversion(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                            p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict text := ingest.event_problem(p_at, p_data);
    named constant text := ingest.event_entity(p_subject, p_data, 'affiliate_code', 'affiliate_id');
    named_id constant uuid := ingest.find_entity('affiliates.affiliates', 'lower(affiliate_code)', lower(named));
    affiliate record;
    worth constant numeric := ingest.event_decimal(p_data ->> 'value');
    subscription uuid;
    payment uuid;
    referral record;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    ELSIF worth IS NULL OR worth >= 1e11 OR scale(worth) > 9 THEN
        RETURN 'bad_value: value is no amount of at most 11 digits and 9 decimals';
    ELSIF coalesce(p_data ->> 'clicked_at', '') <> '' AND ingest.event_time(p_data ->> 'clicked_at') IS NULL THEN
        RETURN 'bad_value: clicked_at is no time (RFC 3339)';
    ELSIF coalesce(p_data ->> 'click_id', '') <> '' AND ingest.event_uuid(p_data ->> 'click_id') IS NULL THEN
        RETURN 'bad_value: click_id is no uuid';
    END IF;
    SELECT a.id, a.affiliate_code, a.status, a.commission_rate, a.currency INTO affiliate
    FROM affiliates.affiliates AS a WHERE a.id = named_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN format('unknown_affiliate: no affiliate has the code or id %s', named);
    END IF;
    SELECT p.id INTO payment FROM billing.payments AS p WHERE p.id = ingest.event_uuid(p_data ->> 'payment_id') FOR KEY SHARE;
    IF EXISTS (SELECT FROM affiliates.affiliate_commissions AS c WHERE c.id = p_event_id)
       OR EXISTS (SELECT FROM affiliates.affiliate_commissions AS c WHERE c.payment_id = payment AND c.affiliate_id = affiliate.id) THEN
        RETURN NULL; -- already applied
    ELSIF affiliate.status <> 'active' THEN
        RETURN format('affiliate_not_active: affiliate %s is %s', affiliate.affiliate_code, affiliate.status);
    ELSIF coalesce(nullif(upper(p_data ->> 'currency'), ''), affiliate.currency) <> affiliate.currency THEN
        RETURN format('wrong_currency: affiliate %s is paid in %s, the value is in %s', affiliate.affiliate_code,
                      affiliate.currency, p_data ->> 'currency');
    ELSIF coalesce(p_data ->> 'user_id', '') <> '' AND ingest.existing_user(ingest.event_uuid(p_data ->> 'user_id')) IS NULL THEN
        RETURN format('unknown_user: there is no user %s', p_data ->> 'user_id');
    END IF;
    SELECT s.id INTO subscription FROM billing.subscriptions AS s WHERE s.id = ingest.event_uuid(p_data ->> 'subscription_id');
    IF NOT FOUND THEN
        SELECT s.id INTO subscription FROM billing.subscriptions AS s WHERE s.subscription_number = p_data ->> 'subscription_number';
    END IF;
    SELECT * INTO referral FROM affiliates.convert_referral(p_event_id, affiliate.id, p_at, worth, p_data, subscription);
    IF referral.verdict IS NOT NULL THEN
        RETURN referral.verdict;
    END IF;
    -- 0.01 instead of / 100: a product is exact, while PostgreSQL chooses the digits of a quotient.
    INSERT INTO affiliates.affiliate_commissions (id, affiliate_id, referral_id, payment_id, base_amount, rate, amount, currency,
                                                  earned_at, metadata)
    VALUES (p_event_id, affiliate.id, referral.referral_id, payment, worth, affiliate.commission_rate,
            round(worth * affiliate.commission_rate * 0.01, 9), affiliate.currency, p_at,
            (p_data - array_remove(ARRAY['affiliate_code', 'affiliate_id', 'user_id', 'value', 'currency',
                                         CASE WHEN payment IS NOT NULL THEN 'payment_id' END], NULL))
            || jsonb_strip_nulls(jsonb_build_object('subscription_id', subscription, 'click_id', ingest.event_uuid(p_data ->> 'click_id'),
                                                    'clicked_at', ingest.time_text(ingest.event_time(p_data ->> 'clicked_at')))));
    IF NOT referral.is_new AND p_data ?| '{email,click_id,clicked_at,subscription_id,subscription_number}' THEN
        UPDATE affiliates.affiliate_referrals AS r
        SET referred_email = affiliates.first_named(r.id, 'email', r.referred_email),
            click_id = ingest.event_uuid(affiliates.first_named(r.id, 'click_id', r.click_id::text)),
            clicked_at = ingest.event_time(affiliates.first_named(r.id, 'clicked_at', ingest.time_text(r.clicked_at))),
            subscription_id = coalesce(
                (SELECT s.id FROM billing.subscriptions AS s
                 WHERE s.id = ingest.event_uuid(affiliates.first_named(r.id, 'subscription_id', r.subscription_id::text))),
                r.subscription_id)
        WHERE r.id = referral.referral_id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION affiliates.apply_conversion(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS
    'Applies affiliate.conversion: the customer''s referral becomes converted, and a pending commission is earned; a payment earns '
    'one. Reasons: unknown_affiliate, affiliate_not_active, wrong_currency, unknown_user, referral_taken, conversion_expired, '
    'bad_value, bad_data';
