-- The effects of usage events on licenses, the audit log, affiliates, vouchers and rooms. The
-- functions apply_* have one signature; each is called once per event, in the transaction that stores
-- it. NULL means done. Otherwise nothing was changed, and the result says why: "reason_code: detail".
--
-- Events arrive in any order. Of two events about one thing the one with the later time of its own
-- decides, whichever arrived first; if the times are equal, a fixed rule decides. A function that
-- changes a license, an affiliate, a voucher or a room locks its row before anything else.

-- Functions of one expression do not set search_path, so that PostgreSQL can inline them into the
-- calling query, which is thirty times as fast. They name objects of pg_catalog only.

-- The result of a function for data that no decoder lets through.
CREATE FUNCTION ingest.event_problem(p_at timestamptz, p_data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN jsonb_typeof(p_data) IS DISTINCT FROM 'object' THEN 'bad_data: the data is no JSON object'
                WHEN p_at IS NULL OR NOT isfinite(p_at) THEN 'bad_value: the event has no time' END
$$;
COMMENT ON FUNCTION ingest.event_problem(timestamptz, jsonb) IS 'What is wrong with an event as a whole, as a verdict of apply_*; null: nothing';

CREATE FUNCTION ingest.event_entity(p_subject text, p_data jsonb, p_key_member text, p_id_member text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(nullif(p_data ->> p_key_member, ''), nullif(p_data ->> p_id_member, ''), nullif(p_subject, ''), '')
$$;
COMMENT ON FUNCTION ingest.event_entity(text, jsonb, text, text) IS 'Key or id of what an event is about: the first that is there of two members of its data and its subject';

CREATE FUNCTION ingest.event_uuid(p_text text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN length(replace(p_text, '-', '')) = 32 AND translate(p_text, '0123456789abcdefABCDEF-', '') = ''
                THEN replace(p_text, '-', '')::uuid END
$$;
COMMENT ON FUNCTION ingest.event_uuid(text) IS 'The text as a uuid; null when it is none';

CREATE FUNCTION ingest.event_decimal(p_text text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN p_text ~ '^[0-9]{1,40}(\.[0-9]{1,40})?$' THEN trim_scale(p_text::numeric) END
$$;
COMMENT ON FUNCTION ingest.event_decimal(text) IS 'The text as a number that is not negative; null when it is none';

CREATE FUNCTION ingest.event_time(p_text text) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog
SET datestyle = 'ISO, YMD'
AS $$
BEGIN
    IF p_text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$' THEN
        RETURN p_text::timestamptz;
    END IF;
    RETURN NULL;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format OR invalid_time_zone_displacement_value THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ingest.event_time(text) IS 'The text as a time, which has to be RFC 3339; null when it is none';

CREATE FUNCTION ingest.time_text(p_time timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
COMMENT ON FUNCTION ingest.time_text(timestamptz) IS 'A time in the one spelling of RFC 3339 that these functions write';

CREATE FUNCTION ingest.event_address(p_text text) RETURNS inet
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog
AS $$
BEGIN
    RETURN p_text::inet;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ingest.event_address(text) IS 'The text as an IP address; null when it is none';

CREATE FUNCTION ingest.existing_user(p_id uuid) RETURNS uuid
LANGUAGE sql VOLATILE
SET search_path = pg_catalog
AS $$
    SELECT u.id FROM identity.users AS u WHERE u.id = p_id FOR KEY SHARE
$$;
COMMENT ON FUNCTION ingest.existing_user(uuid) IS 'The id of a user whom nobody deletes until this transaction ends; null when there is none';

-- Each member is stored as [time, value]. Arrays are compared element by element: the later time is
-- greater, and with equal times the greater value.
CREATE FUNCTION ingest.latest_members(p_kept jsonb, p_data jsonb, p_at timestamptz) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT coalesce(jsonb_object_agg(latest.key, latest.value), '{}')
    FROM (SELECT DISTINCT ON (m.key) m.key, m.value
          FROM (SELECT k.key, k.value FROM jsonb_each(p_kept) AS k
                UNION ALL
                SELECT d.key, jsonb_build_array(extract(epoch FROM p_at), d.value) FROM jsonb_each(p_data) AS d
                WHERE jsonb_typeof(d.value) <> 'null') AS m
          ORDER BY m.key, m.value DESC) AS latest
$$;
COMMENT ON FUNCTION ingest.latest_members(jsonb, jsonb, timestamptz) IS 'What events said of one thing, {"member": [epoch seconds, value]}, with one more event: of each member the latest, in whatever order they come';

CREATE FUNCTION ingest.news_of(p_before jsonb, p_after jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT coalesce(jsonb_object_agg(a.key, a.value -> 1), '{}') FROM jsonb_each(p_after) AS a
    WHERE a.value IS DISTINCT FROM p_before -> a.key
$$;
COMMENT ON FUNCTION ingest.news_of(jsonb, jsonb) IS 'The members, without times, that latest_members() has changed';

-- Licenses.

CREATE FUNCTION licensing.find_license(p_subject text, p_data jsonb) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    named constant text := ingest.event_entity(p_subject, p_data, 'license_key', 'license_id');
    found_id uuid;
BEGIN
    SELECT l.id INTO found_id FROM licensing.licenses AS l WHERE l.key = named;
    IF NOT FOUND THEN
        SELECT l.id INTO found_id FROM licensing.licenses AS l WHERE l.id = ingest.event_uuid(named);
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION licensing.find_license(text, jsonb) IS 'The licence that an event is about, by key or id; null: there is none';

CREATE FUNCTION licensing.move_sms(p_license_id uuid, p_type text, p_data jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    most constant integer := 2147483647;
    quantity numeric := CASE WHEN coalesce(p_data ->> 'quantity', '') = '' THEN 1 ELSE ingest.event_decimal(p_data ->> 'quantity') END;
    license record;
BEGIN
    SELECT l.key, l.sms_balance, l.sms_sent, l.sms_purchased INTO license FROM licensing.licenses AS l WHERE l.id = p_license_id;
    IF quantity IS NULL OR quantity <> trunc(quantity) OR quantity NOT BETWEEN 1 AND most THEN
        RETURN format('bad_value: quantity is no whole number from 1 to %s', most);
    ELSIF p_type = 'license.sms.sent' THEN
        IF license.sms_balance < quantity THEN
            RETURN format('not_enough_credits: licence %s has %s SMS left, %s were sent', license.key, license.sms_balance, quantity);
        ELSIF license.sms_sent + quantity > most THEN
            RETURN format('bad_value: licence %s cannot count more than %s SMS', license.key, most);
        END IF;
        UPDATE licensing.licenses SET sms_sent = sms_sent + quantity::integer, sms_balance = sms_balance - quantity::integer
        WHERE id = p_license_id;
    ELSE
        IF greatest(license.sms_purchased, license.sms_balance) + quantity > most THEN
            RETURN format('bad_value: licence %s cannot count more than %s SMS', license.key, most);
        END IF;
        UPDATE licensing.licenses SET sms_purchased = sms_purchased + quantity::integer, sms_balance = sms_balance + quantity::integer
        WHERE id = p_license_id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION licensing.move_sms(uuid, text, jsonb) IS 'Of apply_license_event, which holds the licence''s lock: moves SMS credits, or says why not';

CREATE FUNCTION licensing.apply_license_event(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                              p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict text := ingest.event_problem(p_at, p_data);
    license uuid;
    assignment uuid;
    actor_member constant text := CASE WHEN coalesce(p_data ->> 'actor_id', '') <> '' THEN 'actor_id' ELSE 'user_id' END;
    actor uuid;
    address inet;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    license := licensing.find_license(p_subject, p_data);
    IF p_type LIKE 'license.sms.%' THEN
        SELECT l.id INTO license FROM licensing.licenses AS l WHERE l.id = license FOR NO KEY UPDATE;
    END IF;
    IF license IS NULL THEN
        RETURN format('unknown_license: no licence has the key or id %s', ingest.event_entity(p_subject, p_data, 'license_key', 'license_id'));
    ELSIF EXISTS (SELECT FROM licensing.license_audit_events AS e WHERE e.id = p_event_id AND e.created_at = p_at) THEN
        RETURN NULL; -- already applied
    END IF;
    IF p_type IN ('license.sms.sent', 'license.sms.purchased') THEN
        verdict := licensing.move_sms(license, p_type, p_data);
        IF verdict IS NOT NULL THEN
            RETURN verdict;
        END IF;
    ELSIF p_type = 'license.activity' THEN
        UPDATE licensing.licenses SET last_active = p_at WHERE id = license AND (last_active < p_at) IS NOT FALSE;
    END IF;
    SELECT a.id INTO assignment FROM licensing.license_assignments AS a
    WHERE a.id = ingest.event_uuid(p_data ->> 'assignment_id') AND a.license_id = license;
    actor := ingest.existing_user(ingest.event_uuid(p_data ->> actor_member));
    address := ingest.event_address(p_data ->> 'ip_address');
    INSERT INTO licensing.license_audit_events (id, type, actor_id, entity_id, entity_type, metadata, ip_address, user_agent, created_at)
    VALUES (p_event_id, p_type, actor, coalesce(assignment, license), CASE WHEN assignment IS NULL THEN 'license' ELSE 'assignment' END,
            p_data - array_remove(ARRAY['license_key', 'license_id', 'user_agent',
                                        CASE WHEN assignment IS NOT NULL THEN 'assignment_id' END,
                                        CASE WHEN actor IS NOT NULL THEN actor_member END,
                                        CASE WHEN address IS NOT NULL THEN 'ip_address' END], NULL),
            address, p_data ->> 'user_agent', p_at);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION licensing.apply_license_event(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS 'Applies license.*: a row of the audit trail always; license.sms.sent and license.sms.purchased move SMS credits, license.activity moves last_active. Reasons: unknown_license, not_enough_credits, bad_value, bad_data';

-- Audit log.

CREATE FUNCTION identity.apply_audit_action(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                            p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict constant text := ingest.event_problem(p_at, p_data);
    how_bad constant text := coalesce(nullif(p_data ->> 'severity', ''), 'info');
    actor uuid;
    organization uuid;
    address inet;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    ELSIF coalesce(p_data ->> 'action', '') = '' THEN
        RETURN 'bad_value: action is missing';
    ELSIF how_bad NOT IN ('debug', 'info', 'warning', 'error', 'critical') THEN
        RETURN format('bad_value: severity %s is none of debug, info, warning, error, critical', how_bad);
    END IF;
    actor := ingest.existing_user(ingest.event_uuid(p_data ->> 'user_id'));
    SELECT o.id INTO organization FROM identity.organizations AS o
    WHERE o.id = ingest.event_uuid(p_data ->> 'organization_id') FOR KEY SHARE;
    address := ingest.event_address(p_data ->> 'ip_address');
    INSERT INTO identity.audit_logs (id, user_id, organization_id, action, entity_type, entity_id, severity, description,
                                     old_values, new_values, metadata, ip_address, user_agent, created_at)
    VALUES (p_event_id, actor, organization, p_data ->> 'action', p_data ->> 'entity_type', p_data ->> 'entity_id',
            how_bad::identity.audit_severity, p_data ->> 'description',
            nullif(p_data -> 'old_values', 'null'), nullif(p_data -> 'new_values', 'null'),
            nullif(jsonb_strip_nulls(jsonb_build_object('subject', p_subject))
                   || (p_data - array_remove(ARRAY['action', 'entity_type', 'entity_id', 'severity', 'description', 'old_values',
                                                   'new_values', 'user_agent', CASE WHEN actor IS NOT NULL THEN 'user_id' END,
                                                   CASE WHEN organization IS NOT NULL THEN 'organization_id' END,
                                                   CASE WHEN address IS NOT NULL THEN 'ip_address' END], NULL)), '{}'),
            address, p_data ->> 'user_agent', p_at)
    ON CONFLICT (created_at, id) DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION identity.apply_audit_action(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS 'Applies audit.action: a row of audit_logs. A user or organization that is not known stays in metadata. Reasons: bad_value, bad_data';

-- Affiliates.

CREATE INDEX affiliate_referrals_affiliate_email_idx ON affiliates.affiliate_referrals (affiliate_id, lower(referred_email));
CREATE INDEX affiliate_referrals_affiliate_click_idx ON affiliates.affiliate_referrals (affiliate_id, click_id);

CREATE FUNCTION affiliates.find_affiliate(p_subject text, p_data jsonb) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    named constant text := ingest.event_entity(p_subject, p_data, 'affiliate_code', 'affiliate_id');
    found_id uuid;
BEGIN
    SELECT a.id INTO found_id FROM affiliates.affiliates AS a WHERE lower(a.affiliate_code) = lower(named);
    IF NOT FOUND THEN
        SELECT a.id INTO found_id FROM affiliates.affiliates AS a WHERE a.id = ingest.event_uuid(named);
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION affiliates.find_affiliate(text, jsonb) IS 'The affiliate that an event is about, by code or id; null: there is none';

CREATE FUNCTION affiliates.unknown_affiliate(p_subject text, p_data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT format('unknown_affiliate: no affiliate has the code or id %s',
                  ingest.event_entity(p_subject, p_data, 'affiliate_code', 'affiliate_id'))
$$;
COMMENT ON FUNCTION affiliates.unknown_affiliate(text, jsonb) IS 'The verdict on an event of nobody';

CREATE FUNCTION affiliates.apply_click(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                       p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict constant text := ingest.event_problem(p_at, p_data);
    affiliate uuid;
    click constant uuid := CASE WHEN coalesce(p_data ->> 'click_id', '') = '' THEN p_event_id ELSE ingest.event_uuid(p_data ->> 'click_id') END;
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
    affiliate := affiliates.find_affiliate(p_subject, p_data);
    IF affiliate IS NULL THEN
        RETURN affiliates.unknown_affiliate(p_subject, p_data);
    END IF;
    address := ingest.event_address(p_data ->> 'ip_address');
    INSERT INTO affiliates.affiliate_clicks (affiliate_id, clicked_at, id, visitor_id, landing_page, referrer, utm_source, utm_medium,
                                             utm_campaign, utm_term, utm_content, ip_address, user_agent, country, metadata, source_id, batch_id)
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
COMMENT ON FUNCTION affiliates.apply_click(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS 'Applies affiliate.click: a row of affiliate_clicks; a click_id that comes again with the same time is one click. Reasons: unknown_affiliate, bad_value, bad_data';

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
        SELECT u.id, 1 AS how FROM affiliates.affiliate_referrals AS u
        WHERE u.referred_user_id = p_user_id AND u.affiliate_id = p_affiliate_id
        UNION ALL
        SELECT e.id, 2 FROM affiliates.affiliate_referrals AS e
        WHERE e.affiliate_id = p_affiliate_id AND lower(e.referred_email) = lower(p_email)
        UNION ALL
        SELECT c.id, 3 FROM affiliates.affiliate_referrals AS c WHERE c.affiliate_id = p_affiliate_id AND c.click_id = p_click_id
    ), fitting AS (
        -- Another user is another customer; of one click, another email is too.
        SELECT r.id, f.how, r.referred_user_id AS user_id, lower(r.referred_email) AS email, r.created_at,
               EXISTS (SELECT FROM affiliates.affiliate_commissions AS c WHERE c.id = r.id) AS by_event
        FROM (SELECT id, min(how) AS how FROM found GROUP BY id) AS f JOIN affiliates.affiliate_referrals AS r ON r.id = f.id
        WHERE (r.referred_user_id = p_user_id) IS NOT FALSE AND (f.how < 3 OR (lower(r.referred_email) = lower(p_email)) IS NOT FALSE)
    ), best AS (
        SELECT f.* FROM fitting AS f ORDER BY f.by_event, f.how, f.user_id, f.created_at, f.id LIMIT 1
    )
    SELECT array_agg(f.id ORDER BY f.id <> b.id, f.id) INTO ids
    FROM fitting AS f CROSS JOIN best AS b
    WHERE f.id = b.id OR (f.by_event AND (f.user_id = b.user_id) IS NOT FALSE AND (f.email = b.email) IS NOT FALSE
                          AND (SELECT count(DISTINCT u.user_id) FROM fitting AS u) <= 1);
    RETURN ids;
END
$$;
COMMENT ON FUNCTION affiliates.matching_referrals(uuid, uuid, text, uuid) IS 'An affiliate''s referrals of one customer: first the one to keep, then those that are to be merged into it; null: none';

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
COMMENT ON FUNCTION affiliates.first_named(uuid, text, text) IS 'A member as the earliest conversion of a referral that has it says it; p_now, what the referral says now, stays when it came from none of them';

CREATE FUNCTION affiliates.click_time(p_affiliate_id uuid, p_click_id uuid, p_before timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog
AS $$
    SELECT max(c.clicked_at) FROM affiliates.affiliate_clicks AS c
    WHERE c.affiliate_id = p_affiliate_id AND c.id = p_click_id AND c.clicked_at <= p_before
$$;
COMMENT ON FUNCTION affiliates.click_time(uuid, uuid, timestamptz) IS 'When a click was made, for the first conversion of a customer whose sender does not say. Reads the key''s index as far as it is the affiliate''s: clicks have no index for this alone';

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
COMMENT ON FUNCTION affiliates.conversion_problem(uuid, uuid, timestamptz, uuid, timestamptz) IS 'Verdict on a conversion that comes too late: after the referral''s expires_at or, where it makes the referral, after the cookie days of the click';

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
    SET status = 'converted', referred_user_id = coalesce(r.referred_user_id, customer), converted_at = first.at, conversion_value = first.value
    WHERE r.id = keep;
END
$$;
COMMENT ON FUNCTION affiliates.merge_referrals(uuid[], uuid, timestamptz, numeric) IS 'Of apply_conversion: makes one converted referral of several of one customer, by its earliest conversion';

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
        IF EXISTS (SELECT FROM affiliates.affiliate_referrals AS r WHERE r.referred_user_id = customer AND r.affiliate_id <> p_affiliate_id) THEN
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
    RAISE EXCEPTION 'user % is being brought by somebody whom this transaction cannot see', customer
        USING ERRCODE = 'serialization_failure', HINT = 'Try again.';
END
$$;
COMMENT ON FUNCTION affiliates.convert_referral(uuid, uuid, timestamptz, numeric, jsonb, uuid) IS 'Of apply_conversion, which holds the affiliate''s lock: finds or makes the referral and converts it, or says why not';

CREATE FUNCTION affiliates.apply_conversion(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                            p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict text := ingest.event_problem(p_at, p_data);
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
    FROM affiliates.affiliates AS a WHERE a.id = affiliates.find_affiliate(p_subject, p_data) FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN affiliates.unknown_affiliate(p_subject, p_data);
    END IF;
    SELECT p.id INTO payment FROM billing.payments AS p WHERE p.id = ingest.event_uuid(p_data ->> 'payment_id') FOR KEY SHARE;
    IF EXISTS (SELECT FROM affiliates.affiliate_commissions AS c WHERE c.id = p_event_id)
       OR EXISTS (SELECT FROM affiliates.affiliate_commissions AS c WHERE c.payment_id = payment AND c.affiliate_id = affiliate.id) THEN
        RETURN NULL; -- already applied
    ELSIF affiliate.status <> 'active' THEN
        RETURN format('affiliate_not_active: affiliate %s is %s', affiliate.affiliate_code, affiliate.status);
    ELSIF coalesce(nullif(upper(p_data ->> 'currency'), ''), affiliate.currency) <> affiliate.currency THEN
        RETURN format('wrong_currency: affiliate %s is paid in %s, the value is in %s', affiliate.affiliate_code, affiliate.currency, p_data ->> 'currency');
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
    INSERT INTO affiliates.affiliate_commissions (id, affiliate_id, referral_id, payment_id, base_amount, rate, amount, currency, earned_at, metadata)
    VALUES (p_event_id, affiliate.id, referral.referral_id, payment, worth, affiliate.commission_rate, round(worth * affiliate.commission_rate * 0.01, 9),
            affiliate.currency, p_at,
            (p_data - array_remove(ARRAY['affiliate_code', 'affiliate_id', 'user_id', 'value', 'currency',
                                         CASE WHEN payment IS NOT NULL THEN 'payment_id' END], NULL))
            || jsonb_strip_nulls(jsonb_build_object('subscription_id', subscription, 'click_id', ingest.event_uuid(p_data ->> 'click_id'),
                                                    'clicked_at', ingest.time_text(ingest.event_time(p_data ->> 'clicked_at')))));
    IF NOT referral.is_new AND p_data ?| '{email,click_id,clicked_at,subscription_id,subscription_number}' THEN
        UPDATE affiliates.affiliate_referrals AS r
        SET referred_email = affiliates.first_named(r.id, 'email', r.referred_email),
            click_id = ingest.event_uuid(affiliates.first_named(r.id, 'click_id', r.click_id::text)),
            clicked_at = ingest.event_time(affiliates.first_named(r.id, 'clicked_at', ingest.time_text(r.clicked_at))),
            subscription_id = coalesce((SELECT s.id FROM billing.subscriptions AS s
                                        WHERE s.id = ingest.event_uuid(affiliates.first_named(r.id, 'subscription_id', r.subscription_id::text))),
                                       r.subscription_id)
        WHERE r.id = referral.referral_id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION affiliates.apply_conversion(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS 'Applies affiliate.conversion: the customer''s referral becomes converted, and a pending commission is earned; a payment earns one. Reasons: unknown_affiliate, affiliate_not_active, wrong_currency, unknown_user, referral_taken, conversion_expired, bad_value, bad_data';

-- Vouchers.

-- NULL means UTC. The zone is checked by using it: an unknown zone raises 22023.
ALTER TABLE identity.organizations ADD COLUMN time_zone text CHECK (time_zone IS NULL OR timezone(time_zone, '2000-01-01 00:00Z'::timestamptz) IS NOT NULL);
COMMENT ON COLUMN identity.organizations.time_zone IS 'IANA zone of its hours, as in booking rules; null: UTC';

ALTER TABLE vouchers.voucher_sessions ADD COLUMN status_at timestamptz, ADD COLUMN said jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN vouchers.voucher_sessions.status_at IS 'Time of the event that decided the status; null: no event has';
COMMENT ON COLUMN vouchers.voucher_sessions.said IS 'What events said of the session, for apply_session: see ingest.latest_members';

CREATE FUNCTION vouchers.find_voucher(p_subject text, p_data jsonb) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    named constant text := ingest.event_entity(p_subject, p_data, 'voucher_code', 'voucher_id');
    found_id uuid;
BEGIN
    SELECT v.id INTO found_id FROM vouchers.vouchers AS v WHERE v.voucher_code = named;
    IF NOT FOUND THEN
        SELECT v.id INTO found_id FROM vouchers.vouchers AS v WHERE v.id = ingest.event_uuid(named);
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION vouchers.find_voucher(text, jsonb) IS 'The voucher that an event is about, by code or id; null: there is none';

CREATE FUNCTION vouchers.booking_problem(p_voucher_id uuid, p_start timestamptz) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    voucher record;
    local_start timestamp;
    day text;
    clock text;
    rule jsonb;
BEGIN
    SELECT v.status, v.valid_from, v.valid_until, coalesce(t.booking_rules, '{}') AS rules, coalesce(o.time_zone, 'UTC') AS time_zone INTO voucher
    FROM vouchers.vouchers AS v JOIN identity.organizations AS o ON o.id = v.organization_id
    LEFT JOIN vouchers.voucher_types AS t ON t.id = v.voucher_type_id
    WHERE v.id = p_voucher_id;
    IF voucher.status NOT IN ('active', 'completed') THEN
        RETURN format('voucher_not_valid: the voucher is %s', voucher.status);
    ELSIF p_start < voucher.valid_from THEN
        RETURN format('voucher_not_valid: it is valid from %s, the session starts at %s', ingest.time_text(voucher.valid_from), ingest.time_text(p_start));
    ELSIF p_start >= voucher.valid_until THEN
        RETURN format('voucher_not_valid: it is valid until %s, the session starts at %s', ingest.time_text(voucher.valid_until), ingest.time_text(p_start));
    ELSIF voucher.rules = '{}' THEN
        RETURN NULL;
    END IF;
    local_start := p_start AT TIME ZONE voucher.time_zone;
    day := ('{monday,tuesday,wednesday,thursday,friday,saturday,sunday}'::text[])[extract(isodow FROM local_start)::integer];
    clock := to_char(local_start, 'HH24:MI');
    rule := voucher.rules -> day;
    IF NOT coalesce((rule -> 'enabled')::boolean, false) THEN
        RETURN format('booking_refused: no sessions on a %s (%s)', day, voucher.time_zone);
    ELSIF clock COLLATE "C" < (rule ->> 'start_time') COLLATE "C" OR clock COLLATE "C" >= (rule ->> 'end_time') COLLATE "C" THEN
        RETURN format('booking_refused: sessions of a %s start from %s until before %s, not at %s (%s)',
                      day, rule ->> 'start_time', rule ->> 'end_time', clock, voucher.time_zone);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vouchers.booking_problem(uuid, timestamptz) IS 'Verdict on a session of a voucher that starts at a moment: voucher_not_valid, booking_refused or null. The start counts, in the organization''s time zone';

-- The number of consumed sessions decides how many are regular and how many backup, and the start of
-- a session decides of which kind it is: so the order of arrival does not matter. Sessions that were
-- counted without a row (vouchers of another system) count as the earliest.
CREATE FUNCTION vouchers.count_session(p_voucher_id uuid, p_change integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    consumed integer;
    regular integer;
BEGIN
    UPDATE vouchers.vouchers AS v
    SET used_sessions = least(n.consumed, v.total_sessions), used_backup_sessions = n.consumed - least(n.consumed, v.total_sessions),
        status = CASE WHEN p_change = 0 OR v.status NOT IN ('active', 'completed') THEN v.status
                      WHEN n.consumed < v.total_sessions + v.backup_sessions THEN 'active' ELSE 'completed' END
    FROM (SELECT greatest(0, u.used_sessions + u.used_backup_sessions + p_change) AS consumed FROM vouchers.vouchers AS u WHERE u.id = p_voucher_id) AS n
    WHERE v.id = p_voucher_id
    RETURNING n.consumed, v.total_sessions INTO consumed, regular;
    UPDATE vouchers.voucher_sessions AS s SET kind = k.kind
    FROM (SELECT c.id, CASE WHEN greatest(0, consumed - count(*) OVER ()) + row_number() OVER (ORDER BY c.scheduled_start, c.id) <= regular
                            THEN 'regular' ELSE 'backup' END::vouchers.session_kind AS kind
          FROM vouchers.voucher_sessions AS c WHERE c.voucher_id = p_voucher_id AND c.status IN ('completed', 'no_show')) AS k
    WHERE s.id = k.id AND s.kind <> k.kind;
END
$$;
COMMENT ON FUNCTION vouchers.count_session(uuid, integer) IS 'Of apply_session, which holds the voucher''s lock: one session more or less (or one that moved: 0), first regular ones, then backup; completes the voucher with the last one and activates it when one is given back';

CREATE FUNCTION vouchers.session_data_problem(p_data jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    member text;
BEGIN
    IF coalesce(nullif(p_data ->> 'action', ''), 'completed') NOT IN ('scheduled', 'completed', 'no_show', 'cancelled') THEN
        RETURN 'bad_value: action is none of scheduled, completed, no_show, cancelled';
    ELSIF coalesce(p_data ->> 'session_id', '') <> '' AND ingest.event_uuid(p_data ->> 'session_id') IS NULL THEN
        RETURN 'bad_value: session_id is no uuid';
    END IF;
    FOREACH member IN ARRAY ARRAY['scheduled_start', 'scheduled_end'] LOOP
        IF p_data ->> member IS NOT NULL AND ingest.event_time(p_data ->> member) IS NULL THEN
            RETURN format('bad_value: %s is no time (RFC 3339)', member);
        END IF;
    END LOOP;
    IF ingest.event_time(p_data ->> 'scheduled_end') <= ingest.event_time(p_data ->> 'scheduled_start') THEN
        RETURN 'bad_value: scheduled_end is not after scheduled_start';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vouchers.session_data_problem(jsonb) IS 'What is wrong with the data of a voucher.session, as a verdict; null: nothing';

-- The session after one more event. What an application wrote holds until an event has another
-- value; a start that was not given is the time of the earliest event.
CREATE FUNCTION vouchers.session_after(p_session vouchers.voucher_sessions, p_at timestamptz, p_data jsonb, p_duration interval)
RETURNS vouchers.voucher_sessions
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    ranks constant text[] := '{scheduled,completed,no_show,cancelled}'; -- with equal times the later in this list decides
    action constant text := coalesce(nullif(p_data ->> 'action', ''), 'completed');
    was constant vouchers.voucher_sessions := p_session;
    said_before jsonb := was.said;
    news jsonb;
    ends timestamptz;
    decides constant boolean := was.status_at IS NULL
        OR (p_at, array_position(ranks, action)) > (was.status_at, array_position(ranks, was.status::text));
BEGIN
    IF was.status IS NOT NULL AND was.status_at IS NULL THEN -- set by an application: older than any event
        said_before := ingest.latest_members(said_before, jsonb_build_object('scheduled_start', ingest.time_text(was.scheduled_start),
                                                                             'scheduled_end', ingest.time_text(was.scheduled_end)), 'epoch');
    END IF;
    p_session.said := ingest.latest_members(said_before, p_data - '{voucher_code,voucher_id,session_id,action}'::text[], p_at);
    news := ingest.news_of(said_before, p_session.said);
    IF decides THEN
        p_session.status := action::vouchers.session_status;
        p_session.status_at := p_at;
        p_session.completed_at := CASE WHEN action = 'completed' THEN p_at END;
        p_session.cancelled_at := CASE WHEN action = 'cancelled' THEN p_at END;
        IF action IN ('scheduled', 'cancelled') THEN
            p_session.kind := 'regular'; -- consumes nothing
        END IF;
    END IF;
    IF decides OR news ? 'reason' THEN -- the reason of the event that canceled it, not of an earlier one
        p_session.cancellation_reason := CASE WHEN p_session.status = 'cancelled'
            AND (p_session.said #>> '{reason,0}')::numeric = extract(epoch FROM p_session.status_at) THEN p_session.said #>> '{reason,1}' END;
    END IF;
    p_session.scheduled_start := CASE WHEN news ? 'scheduled_start' THEN ingest.event_time(news ->> 'scheduled_start')
                                      WHEN p_session.said ? 'scheduled_start' THEN was.scheduled_start
                                      ELSE least(was.scheduled_start, p_at) END;
    IF news ? 'scheduled_end' OR was.scheduled_start IS DISTINCT FROM p_session.scheduled_start THEN
        ends := ingest.event_time(p_session.said #>> '{scheduled_end,1}');
        p_session.scheduled_end := CASE WHEN ends > p_session.scheduled_start THEN ends ELSE p_session.scheduled_start + p_duration END;
    END IF;
    p_session.metadata := coalesce(was.metadata, '{}') || (news - '{scheduled_start,scheduled_end,reason}'::text[]);
    IF news ? 'therapist_id' THEN -- an unknown therapist stays in metadata
        p_session.therapist_id := ingest.existing_user(ingest.event_uuid(news ->> 'therapist_id'));
        IF p_session.therapist_id IS NOT NULL THEN
            p_session.metadata := p_session.metadata - 'therapist_id';
        END IF;
    END IF;
    RETURN p_session;
END
$$;
COMMENT ON FUNCTION vouchers.session_after(vouchers.voucher_sessions, timestamptz, jsonb, interval) IS 'Of apply_session: what a session (all null: a new one) becomes by one event';

CREATE FUNCTION vouchers.apply_session(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                       p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict text := coalesce(ingest.event_problem(p_at, p_data), vouchers.session_data_problem(p_data));
    session_id constant uuid := coalesce(ingest.event_uuid(p_data ->> 'session_id'), p_event_id);
    voucher record;
    was vouchers.voucher_sessions;
    becomes vouchers.voucher_sessions;
    is_known boolean;
    change integer;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    SELECT v.id, v.used_sessions + v.used_backup_sessions AS consumed, v.total_sessions + v.backup_sessions AS bought,
           make_interval(mins => coalesce(t.session_duration_minutes, 60)) AS duration INTO voucher
    FROM vouchers.vouchers AS v LEFT JOIN vouchers.voucher_types AS t ON t.id = v.voucher_type_id
    WHERE v.id = vouchers.find_voucher(p_subject, p_data) FOR NO KEY UPDATE OF v;
    IF NOT FOUND THEN
        RETURN format('unknown_voucher: no voucher has the code or id %s', ingest.event_entity(p_subject, p_data, 'voucher_code', 'voucher_id'));
    END IF;
    SELECT * INTO was FROM vouchers.voucher_sessions AS s WHERE s.id = session_id FOR UPDATE;
    is_known := FOUND;
    IF is_known AND was.voucher_id <> voucher.id THEN
        RETURN format('booking_refused: session %s is one of another voucher', session_id);
    END IF;
    becomes := vouchers.session_after(was, p_at, p_data, voucher.duration);
    IF is_known AND becomes IS NOT DISTINCT FROM was THEN
        RETURN NULL;
    END IF;
    -- A cancellation is not a booking, so it may arrive at any time. The session that it cancels must
    -- follow the booking rules, even if it arrives later: otherwise the result would depend on the
    -- order.
    IF coalesce(p_data ->> 'action', '') <> 'cancelled'
       OR (becomes.status <> 'cancelled' AND becomes.scheduled_start IS DISTINCT FROM was.scheduled_start) THEN
        verdict := vouchers.booking_problem(voucher.id, becomes.scheduled_start);
        IF verdict IS NOT NULL THEN
            RETURN verdict;
        END IF;
    END IF;
    IF becomes.status = 'scheduled' AND EXISTS (
        SELECT FROM vouchers.voucher_sessions AS s WHERE s.voucher_id = voucher.id AND s.status = 'scheduled'
            AND s.scheduled_start = becomes.scheduled_start AND s.id <> session_id) THEN
        RETURN format('booking_refused: another session is scheduled for %s', ingest.time_text(becomes.scheduled_start));
    END IF;
    change := (becomes.status IN ('completed', 'no_show'))::integer - coalesce((was.status IN ('completed', 'no_show'))::integer, 0);
    IF change > 0 AND voucher.consumed >= voucher.bought THEN
        RETURN format('no_sessions_left: all %s sessions of the voucher are used', voucher.bought);
    END IF;
    INSERT INTO vouchers.voucher_sessions AS s (id, voucher_id, therapist_id, kind, status, scheduled_start, scheduled_end, completed_at,
                                                cancelled_at, cancellation_reason, metadata, status_at, said)
    VALUES (session_id, voucher.id, becomes.therapist_id, coalesce(becomes.kind, 'regular'), becomes.status, becomes.scheduled_start,
            becomes.scheduled_end, becomes.completed_at, becomes.cancelled_at, becomes.cancellation_reason, becomes.metadata, becomes.status_at,
            becomes.said)
    ON CONFLICT (id) DO UPDATE
    SET therapist_id = excluded.therapist_id, kind = excluded.kind, status = excluded.status, scheduled_start = excluded.scheduled_start,
        scheduled_end = excluded.scheduled_end, completed_at = excluded.completed_at, cancelled_at = excluded.cancelled_at,
        cancellation_reason = excluded.cancellation_reason, metadata = excluded.metadata, status_at = excluded.status_at, said = excluded.said
    WHERE is_known;
    IF NOT FOUND THEN
        RETURN format('booking_refused: session %s is one of another voucher', session_id); -- since the check above
    ELSIF change <> 0 OR becomes.status IN ('completed', 'no_show') THEN
        PERFORM vouchers.count_session(voucher.id, change);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vouchers.apply_session(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS 'Applies voucher.session: the latest action on a session by its own time decides; completed and no_show consume a session of the voucher, cancelled gives it back. Reasons: unknown_voucher, voucher_not_valid, no_sessions_left, booking_refused, bad_value, bad_data';

-- Rooms.

ALTER TABLE engagement.participants ADD COLUMN status_at timestamptz, ADD COLUMN said jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN engagement.participants.status_at IS 'Time of the latest event by which the user joined or left; null: no event has';
COMMENT ON COLUMN engagement.participants.said IS 'What events said of the participant, for apply_room_event: see ingest.latest_members';
COMMENT ON COLUMN engagement.participants.joined_at IS 'When the user was first there. One who leaves and joins again keeps the row, and this';
CREATE INDEX participants_present_idx ON engagement.participants (room_id) WHERE deleted_at IS NULL;

CREATE FUNCTION engagement.move_participant(p_room_id uuid, p_is_leaving boolean, p_at timestamptz, p_data jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    room record;
    member record;
    was engagement.participants;
    decides boolean;
    said_now jsonb;
    news jsonb;
BEGIN
    SELECT r.status, r.ends_at, r.max_participants INTO room FROM engagement.rooms AS r WHERE r.id = p_room_id;
    SELECT u.id, u.deleted_at INTO member FROM identity.users AS u WHERE u.id = ingest.event_uuid(p_data ->> 'user_id') FOR KEY SHARE;
    IF NOT FOUND OR (NOT p_is_leaving AND member.deleted_at <= p_at) THEN
        RETURN format('unknown_user: there is no user %s', coalesce(p_data ->> 'user_id', ''));
    ELSIF coalesce(p_data ->> 'role', '') NOT IN ('', 'admin', 'organizer', 'moderator', 'participant', 'viewer') THEN
        RETURN 'bad_value: role is none of admin, organizer, moderator, participant, viewer';
    ELSIF NOT p_is_leaving AND room.status <> 'active' THEN
        RETURN format('room_not_open: room %s is %s', p_room_id, room.status);
    ELSIF NOT p_is_leaving AND p_at >= room.ends_at THEN
        RETURN format('room_not_open: room %s ended at %s', p_room_id, ingest.time_text(room.ends_at));
    END IF;
    SELECT * INTO was FROM engagement.participants AS p WHERE p.user_id = member.id AND p.room_id = p_room_id
    ORDER BY p.deleted_at IS NOT NULL, p.deleted_at DESC, p.id LIMIT 1 FOR NO KEY UPDATE;
    decides := NOT FOUND OR (p_at, p_is_leaving) > (coalesce(was.status_at, was.deleted_at, was.joined_at), was.deleted_at IS NOT NULL);
    IF decides AND NOT p_is_leaving AND (was.id IS NULL OR was.deleted_at IS NOT NULL) AND room.max_participants <=
        (SELECT count(*) FROM engagement.participants AS p WHERE p.room_id = p_room_id AND p.deleted_at IS NULL) THEN
        RETURN format('room_full: room %s has %s participants', p_room_id, room.max_participants);
    END IF;
    said_now := ingest.latest_members(was.said, p_data - '{room_id,user_id,participant_id,prize_id}'::text[], p_at);
    news := ingest.news_of(was.said, said_now);
    IF was.id IS NULL THEN
        INSERT INTO engagement.participants (room_id, user_id, role, metadata, joined_at, deleted_at, status_at, said)
        VALUES (p_room_id, member.id, coalesce(nullif(news ->> 'role', ''), 'participant')::engagement.participant_role, news - 'role', p_at,
                CASE WHEN p_is_leaving THEN p_at END, p_at, said_now);
    ELSE
        UPDATE engagement.participants AS p
        SET role = coalesce(nullif(news ->> 'role', '')::engagement.participant_role, p.role), metadata = p.metadata || (news - 'role'),
            joined_at = least(p.joined_at, p_at), said = said_now,
            deleted_at = CASE WHEN NOT decides THEN p.deleted_at WHEN p_is_leaving THEN p_at END,
            status_at = CASE WHEN decides THEN p_at ELSE p.status_at END
        WHERE p.id = was.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION engagement.move_participant(uuid, boolean, timestamptz, jsonb) IS 'Of apply_room_event, which holds the room''s lock: a user joins or leaves, whichever is later. One who leaves before joining is kept as having left';

CREATE FUNCTION engagement.give_prize(p_event_id uuid, p_room_id uuid, p_at timestamptz, p_data jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    room_status engagement.room_status;
    prize record;
    participant record;
    winner record;
BEGIN
    SELECT r.status INTO room_status FROM engagement.rooms AS r WHERE r.id = p_room_id;
    IF room_status NOT IN ('active', 'completed') THEN -- often the draw follows the end of the event
        RETURN format('room_not_open: room %s is %s', p_room_id, room_status);
    END IF;
    SELECT p.id, p.quantity INTO prize FROM engagement.prizes AS p
    WHERE p.id = ingest.event_uuid(p_data ->> 'prize_id') AND p.room_id = p_room_id AND p.deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN format('unknown_prize: room %s has no prize %s', p_room_id, coalesce(p_data ->> 'prize_id', ''));
    END IF;
    SELECT p.id, p.deleted_at INTO participant FROM engagement.participants AS p
    WHERE p.room_id = p_room_id AND CASE WHEN coalesce(p_data ->> 'participant_id', '') <> ''
                                         THEN p.id = ingest.event_uuid(p_data ->> 'participant_id')
                                         ELSE p.user_id = ingest.event_uuid(p_data ->> 'user_id') END
    ORDER BY p.deleted_at IS NOT NULL, p.deleted_at DESC, p.id LIMIT 1 FOR KEY SHARE;
    IF NOT FOUND OR participant.deleted_at < p_at THEN
        RETURN format('not_a_participant: %s is not in room %s', coalesce(p_data ->> 'participant_id', p_data ->> 'user_id', ''), p_room_id);
    END IF;
    SELECT w.id, w.deleted_at INTO winner FROM engagement.winners AS w WHERE w.prize_id = prize.id AND w.participant_id = participant.id
    ORDER BY w.deleted_at IS NOT NULL, w.deleted_at DESC, w.id LIMIT 1;
    IF FOUND AND winner.deleted_at IS NULL THEN
        UPDATE engagement.winners AS w SET won_at = p_at WHERE w.id = winner.id AND w.won_at > p_at;
        RETURN NULL; -- already has it
    ELSIF FOUND AND p_at <= winner.deleted_at THEN
        RETURN NULL; -- had it, and it was revoked later
    ELSIF prize.quantity <= (SELECT count(*) FROM engagement.winners AS w WHERE w.prize_id = prize.id AND w.deleted_at IS NULL) THEN
        RETURN format('no_prize_left: prize %s has been won %s times', prize.id, prize.quantity);
    ELSIF winner.id IS NOT NULL THEN
        UPDATE engagement.winners AS w SET deleted_at = NULL, won_at = p_at WHERE w.id = winner.id;
    ELSE
        INSERT INTO engagement.winners (id, room_id, prize_id, participant_id, metadata, won_at)
        VALUES (p_event_id, p_room_id, prize.id, participant.id,
                p_data - '{room_id,prize_id,participant_id,user_id,role}'::text[], p_at);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION engagement.give_prize(uuid, uuid, timestamptz, jsonb) IS 'Of apply_room_event, which holds the room''s lock: a participant wins a prize, once, while there are any left';

CREATE FUNCTION engagement.apply_room_event(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                            p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict constant text := ingest.event_problem(p_at, p_data);
    named constant text := ingest.event_entity(p_subject, p_data, 'room_id', 'room_id');
    room uuid;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    ELSIF p_type IS NULL OR p_type NOT IN ('room.joined', 'room.left', 'room.prize.won') THEN
        RETURN format('unknown_type: %s is none of room.joined, room.left, room.prize.won', p_type);
    END IF;
    SELECT r.id INTO room FROM engagement.rooms AS r WHERE r.id = ingest.event_uuid(named) AND r.deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN format('unknown_room: there is no room %s', named);
    ELSIF p_type = 'room.prize.won' THEN
        RETURN engagement.give_prize(p_event_id, room, p_at, p_data);
    END IF;
    RETURN engagement.move_participant(room, p_type = 'room.left', p_at, p_data);
END
$$;
COMMENT ON FUNCTION engagement.apply_room_event(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS 'Applies room.joined, room.left and room.prize.won: one participant per user, one winner per prize and participant. Reasons: unknown_room, room_not_open, room_full, unknown_user, unknown_prize, no_prize_left, not_a_participant, unknown_type, bad_value, bad_data';
