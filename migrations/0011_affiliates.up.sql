-- Affiliates: the customers that they refer, their commissions, and the payouts.

CREATE SCHEMA affiliates;
COMMENT ON SCHEMA affiliates IS 'Affiliates: whom they bring, what they earn by it, and how it is paid out';

CREATE TYPE affiliates.affiliate_status AS ENUM ('pending', 'active', 'suspended', 'rejected', 'terminated');
CREATE TYPE affiliates.referral_status AS ENUM ('pending', 'qualified', 'converted', 'rejected', 'expired');
CREATE TYPE affiliates.commission_status AS ENUM ('pending', 'approved', 'paid', 'rejected', 'reversed');
CREATE TYPE affiliates.payout_status AS ENUM ('pending', 'processing', 'completed', 'failed', 'cancelled');

CREATE TABLE affiliates.affiliates (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE RESTRICT,
    affiliate_code text NOT NULL CHECK (affiliate_code ~ '^[A-Za-z0-9][A-Za-z0-9_-]{1,62}$'),
    status affiliates.affiliate_status NOT NULL DEFAULT 'pending',
    company_name text,
    website text,
    commission_rate numeric(5, 2) NOT NULL DEFAULT 0 CHECK (commission_rate BETWEEN 0 AND 100),
    currency char(3) NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    cookie_days integer NOT NULL DEFAULT 30 CHECK (cookie_days > 0),
    minimum_payout numeric(20, 9) NOT NULL DEFAULT 0 CHECK (minimum_payout >= 0),
    payout_method text,
    payout_details jsonb NOT NULL DEFAULT '{}',
    total_referrals bigint NOT NULL DEFAULT 0 CHECK (total_referrals >= 0),
    total_conversions bigint NOT NULL DEFAULT 0 CHECK (total_conversions >= 0),
    conversion_percent numeric(5, 2) NOT NULL GENERATED ALWAYS AS
        (CASE WHEN total_referrals > 0 THEN round(total_conversions * 100.0 / total_referrals, 2) ELSE 0 END) STORED,
    pending_earnings numeric(24, 9) NOT NULL DEFAULT 0 CHECK (pending_earnings >= 0),
    approved_earnings numeric(24, 9) NOT NULL DEFAULT 0 CHECK (approved_earnings >= 0),
    paid_earnings numeric(24, 9) NOT NULL DEFAULT 0 CHECK (paid_earnings >= 0),
    total_earnings numeric(24, 9) NOT NULL GENERATED ALWAYS AS (pending_earnings + approved_earnings + paid_earnings) STORED,
    approved_at timestamptz,
    approved_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    notes text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT affiliates_user_id_key UNIQUE (user_id),
    CONSTRAINT affiliates_id_currency_key UNIQUE (id, currency),
    CONSTRAINT affiliates_conversions CHECK (total_conversions <= total_referrals),
    CONSTRAINT affiliates_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[minimum_payout, pending_earnings, approved_earnings, paid_earnings]))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX affiliates_affiliate_code_key ON affiliates.affiliates (lower(affiliate_code));
CREATE INDEX affiliates_status_idx ON affiliates.affiliates (status);
CREATE INDEX affiliates_approved_by_idx ON affiliates.affiliates (approved_by);
CREATE INDEX affiliates_created_at_idx ON affiliates.affiliates (created_at);
COMMENT ON TABLE affiliates.affiliates IS
    'Partners who bring customers for a commission. The totals are kept by triggers on referrals and commissions and cannot be set by '
    'hand';
COMMENT ON COLUMN affiliates.affiliates.affiliate_code IS 'What links carry; capitals do not matter';
COMMENT ON COLUMN affiliates.affiliates.commission_rate IS 'Percent of what a referred customer pays';
COMMENT ON COLUMN affiliates.affiliates.currency IS 'Of all commissions and payouts of this affiliate';
COMMENT ON COLUMN affiliates.affiliates.cookie_days IS 'How long after a click a sign-up still counts';
COMMENT ON COLUMN affiliates.affiliates.minimum_payout IS 'No payout below this, in currency units';
COMMENT ON COLUMN affiliates.affiliates.total_referrals IS 'Referrals in any status';
COMMENT ON COLUMN affiliates.affiliates.total_conversions IS 'Referrals in status converted';
COMMENT ON COLUMN affiliates.affiliates.pending_earnings IS 'Commissions in status pending, in currency units; likewise approved and paid';
COMMENT ON COLUMN affiliates.affiliates.total_earnings IS 'Without what was rejected or reversed, in currency units';

CREATE TABLE affiliates.affiliate_referrals (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    affiliate_id uuid NOT NULL REFERENCES affiliates.affiliates (id) ON DELETE CASCADE,
    referred_user_id uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    referred_email text,
    subscription_id uuid REFERENCES billing.subscriptions (id) ON DELETE SET NULL,
    status affiliates.referral_status NOT NULL DEFAULT 'pending',
    click_id uuid,
    clicked_at timestamptz,
    landing_page text,
    utm_source text,
    utm_medium text,
    utm_campaign text,
    utm_term text,
    utm_content text,
    conversion_value numeric(20, 9) CHECK (conversion_value >= 0),
    currency char(3) NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    expires_at timestamptz,
    converted_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT affiliate_referrals_no_nan CHECK (conversion_value <> 'NaN')
);
CREATE UNIQUE INDEX affiliate_referrals_referred_user_id_key ON affiliates.affiliate_referrals (referred_user_id);
CREATE INDEX affiliate_referrals_affiliate_status_idx ON affiliates.affiliate_referrals (affiliate_id, status);
CREATE INDEX affiliate_referrals_subscription_id_idx ON affiliates.affiliate_referrals (subscription_id);
CREATE INDEX affiliate_referrals_status_expires_at_idx ON affiliates.affiliate_referrals (status, expires_at);
CREATE INDEX affiliate_referrals_utm_campaign_idx ON affiliates.affiliate_referrals (utm_campaign);
CREATE INDEX affiliate_referrals_created_at_idx ON affiliates.affiliate_referrals (created_at);
COMMENT ON TABLE affiliates.affiliate_referrals IS 'Customers that an affiliate brought; a user is brought once';
COMMENT ON COLUMN affiliates.affiliate_referrals.status IS 'pending: signed up; qualified: in trial; converted: pays';
COMMENT ON COLUMN affiliates.affiliate_referrals.click_id IS
    'affiliate_clicks.id, with clicked_at; no foreign key, clicks are kept for a shorter time';
COMMENT ON COLUMN affiliates.affiliate_referrals.conversion_value IS 'What the customer first paid, in currency units';
COMMENT ON COLUMN affiliates.affiliate_referrals.expires_at IS 'No conversion counts from here on; null: any time';

CREATE TABLE affiliates.affiliate_payouts (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    affiliate_id uuid NOT NULL,
    status affiliates.payout_status NOT NULL DEFAULT 'pending',
    amount numeric(24, 9) NOT NULL CHECK (amount > 0),
    currency char(3) NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    period_start timestamptz,
    period_end timestamptz,
    payout_method text,
    gateway_reference text,
    failure_reason text,
    processed_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    processed_at timestamptz,
    completed_at timestamptz,
    notes text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT affiliate_payouts_id_affiliate_currency_key UNIQUE (id, affiliate_id, currency),
    CONSTRAINT affiliate_payouts_affiliate_id_fkey FOREIGN KEY (affiliate_id, currency)
        REFERENCES affiliates.affiliates (id, currency) ON DELETE RESTRICT,
    CONSTRAINT affiliate_payouts_period CHECK (period_end > period_start),
    CONSTRAINT affiliate_payouts_no_nan CHECK (amount <> 'NaN')
);
CREATE INDEX affiliate_payouts_affiliate_idx ON affiliates.affiliate_payouts (affiliate_id, currency, status);
CREATE UNIQUE INDEX affiliate_payouts_gateway_reference_key ON affiliates.affiliate_payouts (gateway_reference);
CREATE INDEX affiliate_payouts_status_idx ON affiliates.affiliate_payouts (status);
CREATE INDEX affiliate_payouts_processed_by_idx ON affiliates.affiliate_payouts (processed_by);
CREATE INDEX affiliate_payouts_created_at_idx ON affiliates.affiliate_payouts (created_at);
COMMENT ON TABLE affiliates.affiliate_payouts IS
    'Batches of commissions paid together. completed marks them paid; failed and cancelled set them free for another payout';
COMMENT ON COLUMN affiliates.affiliate_payouts.amount IS 'In currency units; on completion it has to be the sum of its commissions';
COMMENT ON COLUMN affiliates.affiliate_payouts.period_end IS 'Exclusive';
COMMENT ON COLUMN affiliates.affiliate_payouts.gateway_reference IS 'The bank''s or gateway''s own id of the transfer';

CREATE TABLE affiliates.affiliate_commissions (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    affiliate_id uuid NOT NULL,
    referral_id uuid REFERENCES affiliates.affiliate_referrals (id) ON DELETE RESTRICT,
    payment_id uuid REFERENCES billing.payments (id) ON DELETE SET NULL,
    payout_id uuid,
    status affiliates.commission_status NOT NULL DEFAULT 'pending',
    base_amount numeric(20, 9) CHECK (base_amount >= 0),
    rate numeric(5, 2) CHECK (rate BETWEEN 0 AND 100),
    amount numeric(20, 9) NOT NULL CHECK (amount >= 0),
    currency char(3) NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    description text,
    earned_at timestamptz NOT NULL DEFAULT now(),
    approved_at timestamptz,
    approved_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    paid_at timestamptz,
    rejection_reason text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT affiliate_commissions_affiliate_id_fkey FOREIGN KEY (affiliate_id, currency)
        REFERENCES affiliates.affiliates (id, currency) ON DELETE RESTRICT,
    CONSTRAINT affiliate_commissions_payout_id_fkey FOREIGN KEY (payout_id, affiliate_id, currency)
        REFERENCES affiliates.affiliate_payouts (id, affiliate_id, currency) ON DELETE RESTRICT,
    CONSTRAINT affiliate_commissions_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[base_amount, amount]))
);
CREATE INDEX affiliate_commissions_affiliate_idx ON affiliates.affiliate_commissions (affiliate_id, currency, status);
CREATE INDEX affiliate_commissions_payout_idx ON affiliates.affiliate_commissions (payout_id, affiliate_id, currency);
CREATE INDEX affiliate_commissions_referral_id_idx ON affiliates.affiliate_commissions (referral_id);
CREATE UNIQUE INDEX affiliate_commissions_payment_id_key ON affiliates.affiliate_commissions (payment_id, affiliate_id);
CREATE INDEX affiliate_commissions_approved_by_idx ON affiliates.affiliate_commissions (approved_by);
CREATE INDEX affiliate_commissions_status_earned_at_idx ON affiliates.affiliate_commissions (status, earned_at);
CREATE INDEX affiliate_commissions_created_at_idx ON affiliates.affiliate_commissions (created_at);
COMMENT ON TABLE affiliates.affiliate_commissions IS
    'What an affiliate earns by one payment. Its payout is the same affiliate''s, in the same currency';
COMMENT ON COLUMN affiliates.affiliate_commissions.payment_id IS 'The payment that earned it, which earns an affiliate one commission';
COMMENT ON COLUMN affiliates.affiliate_commissions.base_amount IS 'What rate percent were taken of, in currency units';
COMMENT ON COLUMN affiliates.affiliate_commissions.amount IS 'In currency units';
COMMENT ON COLUMN affiliates.affiliate_commissions.status IS 'rejected: never became due; reversed: taken back, also after it was paid';

CREATE TABLE affiliates.affiliate_clicks (
    affiliate_id uuid NOT NULL,
    clicked_at timestamptz NOT NULL,
    id uuid NOT NULL,
    visitor_id text,
    landing_page text,
    referrer text,
    utm_source text,
    utm_medium text,
    utm_campaign text,
    utm_term text,
    utm_content text,
    ip_address inet,
    user_agent text,
    country char(2),
    metadata jsonb,
    source_id uuid,
    batch_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (affiliate_id, clicked_at, id)
) PARTITION BY RANGE (clicked_at);
COMMENT ON TABLE affiliates.affiliate_clicks IS
    'Visits through an affiliate''s links, partitioned by month of clicked_at (UTC). High volume: no trigger, no foreign key (one '
    'unknown affiliate would refuse a whole batch), one index while the partition is open; affiliate_performance and click_statistics '
    'count them';
COMMENT ON COLUMN affiliates.affiliate_clicks.affiliate_id IS 'affiliates.id';
COMMENT ON COLUMN affiliates.affiliate_clicks.id IS 'From the sender, so that the same click sent twice is stored once';
COMMENT ON COLUMN affiliates.affiliate_clicks.visitor_id IS 'The visitor''s cookie';
COMMENT ON COLUMN affiliates.affiliate_clicks.country IS 'ISO 3166-1, two letters';
COMMENT ON COLUMN affiliates.affiliate_clicks.source_id IS 'ingest.sources.id, of a click that came as an event';
COMMENT ON COLUMN affiliates.affiliate_clicks.batch_id IS 'ingest.batches.id of the transaction that stored it';

-- Totals change by differences, so that a change costs the same however many commissions an
-- affiliate has; keep_affiliate_totals prevents any other change of them. Before a statement's first
-- total changes, all its affiliates are locked in the order of their ids, so that two statements do
-- not deadlock however their rows are ordered. A row trigger collects the ids of the affiliates in a
-- setting of the transaction: all row triggers run before the first statement trigger, of which
-- INSERT ... ON CONFLICT DO UPDATE has two.
CREATE FUNCTION affiliates.note_affiliate_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    noted text := coalesce(current_setting('tallyd.changed_affiliates', true), '');
    changed uuid;
BEGIN
    FOREACH changed IN ARRAY array_remove(ARRAY[OLD.affiliate_id, NEW.affiliate_id], NULL) LOOP
        IF strpos(noted, changed::text) = 0 THEN
            noted := concat_ws(',', nullif(noted, ''), changed);
            PERFORM set_config('tallyd.changed_affiliates', noted, true);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION affiliates.note_affiliate_change() IS 'Row trigger: notes affiliates whose totals move at the end of the statement';

CREATE FUNCTION affiliates.lock_changed_affiliates() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    changed uuid[] := string_to_array(nullif(current_setting('tallyd.changed_affiliates', true), ''), ',');
BEGIN
    PERFORM set_config('tallyd.changed_affiliates', '', true);
    PERFORM FROM affiliates.affiliates WHERE id = ANY (changed) ORDER BY id FOR NO KEY UPDATE;
END
$$;
COMMENT ON FUNCTION affiliates.lock_changed_affiliates() IS
    'Locks the affiliates that row triggers noted, in the order of their ids. One that is being deleted is not found, and its '
    'referrals go without a count';

CREATE FUNCTION affiliates.update_affiliate_referral_stats() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    ids uuid[];
    statuses affiliates.referral_status[];
    signs integer[];
    referrals bigint[];
    conversions bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(affiliate_id), array_agg(status), array_agg(1) INTO ids, statuses, signs FROM after_change;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(affiliate_id), array_agg(status), array_agg(-1) INTO ids, statuses, signs FROM before_change;
    ELSE
        SELECT array_agg(affiliate_id), array_agg(status), array_agg(sign) INTO ids, statuses, signs
        FROM (SELECT affiliate_id, status, 1 AS sign FROM after_change
              UNION ALL
              SELECT affiliate_id, status, -1 FROM before_change) AS changes;
    END IF;
    SELECT array_agg(id), array_agg(brought), array_agg(converted) INTO ids, referrals, conversions
    FROM (SELECT id, sum(sign) AS brought, coalesce(sum(sign) FILTER (WHERE status = 'converted'), 0) AS converted
          FROM unnest(ids, statuses, signs) AS c (id, status, sign) GROUP BY id) AS moved
    WHERE brought <> 0 OR converted <> 0;
    PERFORM affiliates.lock_changed_affiliates();
    UPDATE affiliates.affiliates AS a
    SET total_referrals = a.total_referrals + moved.brought, total_conversions = a.total_conversions + moved.converted
    FROM unnest(ids, referrals, conversions) AS moved (id, brought, converted)
    WHERE a.id = moved.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION affiliates.update_affiliate_referral_stats() IS
    'Statement trigger on affiliate_referrals: keeps total_referrals and total_conversions of affiliates';

CREATE FUNCTION affiliates.update_affiliate_earnings() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    ids uuid[];
    statuses affiliates.commission_status[];
    amounts numeric[];
    pending numeric[];
    approved numeric[];
    paid numeric[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(affiliate_id), array_agg(status), array_agg(amount) INTO ids, statuses, amounts FROM after_change;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(affiliate_id), array_agg(status), array_agg(-amount) INTO ids, statuses, amounts FROM before_change;
    ELSE
        SELECT array_agg(affiliate_id), array_agg(status), array_agg(amount) INTO ids, statuses, amounts
        FROM (SELECT affiliate_id, status, amount FROM after_change
              UNION ALL
              SELECT affiliate_id, status, -amount FROM before_change) AS changes;
    END IF;
    SELECT array_agg(id), array_agg(moved.pending), array_agg(moved.approved), array_agg(moved.paid)
    INTO ids, pending, approved, paid
    FROM (SELECT id, coalesce(sum(amount) FILTER (WHERE status = 'pending'), 0) AS pending,
                 coalesce(sum(amount) FILTER (WHERE status = 'approved'), 0) AS approved,
                 coalesce(sum(amount) FILTER (WHERE status = 'paid'), 0) AS paid
          FROM unnest(ids, statuses, amounts) AS c (id, status, amount) GROUP BY id) AS moved
    WHERE moved.pending <> 0 OR moved.approved <> 0 OR moved.paid <> 0;
    PERFORM affiliates.lock_changed_affiliates();
    UPDATE affiliates.affiliates AS a
    SET pending_earnings = a.pending_earnings + moved.pending, approved_earnings = a.approved_earnings + moved.approved,
        paid_earnings = a.paid_earnings + moved.paid
    FROM unnest(ids, pending, approved, paid) AS moved (id, pending, approved, paid)
    WHERE a.id = moved.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION affiliates.update_affiliate_earnings() IS
    'Statement trigger on affiliate_commissions: keeps pending_earnings, approved_earnings and paid_earnings of affiliates';

-- PostgreSQL allows a trigger with transition tables for one event only.
DO $$
DECLARE
    watched record;
BEGIN
    FOR watched IN
        SELECT * FROM (VALUES ('affiliate_referrals', 'update_affiliate_referral_stats', '(OLD.affiliate_id, OLD.status) <> (NEW.affiliate_id, NEW.status)'),
                              ('affiliate_commissions', 'update_affiliate_earnings',
                               '(OLD.affiliate_id, OLD.status, OLD.amount) <> (NEW.affiliate_id, NEW.status, NEW.amount)')) AS w (of_table, by_function, when_moved)
    LOOP
        EXECUTE format('CREATE TRIGGER %1$s_note AFTER INSERT OR DELETE ON affiliates.%1$s '
                       'FOR EACH ROW EXECUTE FUNCTION affiliates.note_affiliate_change()', watched.of_table);
        EXECUTE format('CREATE TRIGGER %1$s_note_on_update AFTER UPDATE ON affiliates.%1$s FOR EACH ROW WHEN (%2$s) '
                       'EXECUTE FUNCTION affiliates.note_affiliate_change()', watched.of_table, watched.when_moved);
        EXECUTE format('CREATE TRIGGER trg_%2$s AFTER INSERT ON affiliates.%1$s REFERENCING NEW TABLE AS after_change '
                       'FOR EACH STATEMENT EXECUTE FUNCTION affiliates.%2$s()', watched.of_table, watched.by_function);
        EXECUTE format('CREATE TRIGGER trg_%2$s_on_update AFTER UPDATE ON affiliates.%1$s '
                       'REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change '
                       'FOR EACH STATEMENT EXECUTE FUNCTION affiliates.%2$s()', watched.of_table, watched.by_function);
        EXECUTE format('CREATE TRIGGER trg_%2$s_on_delete AFTER DELETE ON affiliates.%1$s REFERENCING OLD TABLE AS before_change '
                       'FOR EACH STATEMENT EXECUTE FUNCTION affiliates.%2$s()', watched.of_table, watched.by_function);
    END LOOP;
END
$$;

CREATE FUNCTION affiliates.keep_affiliate_totals() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.total_referrals := 0;
        NEW.total_conversions := 0;
        NEW.pending_earnings := 0;
        NEW.approved_earnings := 0;
        NEW.paid_earnings := 0;
    ELSIF pg_trigger_depth() = 1 THEN
        RAISE EXCEPTION 'totals of affiliate % are kept by its referrals and commissions', OLD.affiliate_code
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'Change a referral or a commission instead.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION affiliates.keep_affiliate_totals() IS 'Row trigger: a new affiliate begins at zero, and only triggers move the totals';
CREATE TRIGGER affiliates_totals_begin_at_zero BEFORE INSERT ON affiliates.affiliates
    FOR EACH ROW EXECUTE FUNCTION affiliates.keep_affiliate_totals();
CREATE TRIGGER affiliates_totals_by_trigger BEFORE UPDATE ON affiliates.affiliates
    FOR EACH ROW WHEN ((OLD.total_referrals, OLD.total_conversions, OLD.pending_earnings, OLD.approved_earnings, OLD.paid_earnings)
        IS DISTINCT FROM (NEW.total_referrals, NEW.total_conversions, NEW.pending_earnings, NEW.approved_earnings, NEW.paid_earnings))
    EXECUTE FUNCTION affiliates.keep_affiliate_totals();

-- TRUNCATE would remove rows without changing the totals.
CREATE FUNCTION affiliates.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    RAISE EXCEPTION '% cannot be truncated: the totals of affiliates count it', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', HINT = 'Use DELETE.';
END
$$;
COMMENT ON FUNCTION affiliates.refuse_truncate() IS 'Statement trigger: refuses TRUNCATE';

-- Commissions are locked in the order of their ids, here and in batch_commissions.
CREATE FUNCTION affiliates.settle_payout() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    payable numeric;
BEGIN
    PERFORM FROM affiliates.affiliate_commissions WHERE payout_id = NEW.id ORDER BY id FOR UPDATE;
    IF NEW.status = 'completed' THEN
        SELECT coalesce(sum(amount), 0) INTO payable FROM affiliates.affiliate_commissions
        WHERE payout_id = NEW.id AND status IN ('approved', 'paid');
        IF payable <> NEW.amount THEN
            RAISE EXCEPTION 'payout % is of % %, its approved commissions sum to %', NEW.id, NEW.amount, NEW.currency, payable
                USING ERRCODE = 'check_violation', SCHEMA = 'affiliates', TABLE = 'affiliate_payouts', COLUMN = 'amount';
        END IF;
        UPDATE affiliates.affiliate_commissions SET status = 'paid', paid_at = coalesce(NEW.completed_at, now())
        WHERE payout_id = NEW.id AND status = 'approved';
    ELSIF OLD.status = 'completed' THEN
        UPDATE affiliates.affiliate_commissions SET status = 'approved', paid_at = NULL
        WHERE payout_id = NEW.id AND status = 'paid';
    END IF;
    IF NEW.status IN ('failed', 'cancelled') THEN
        UPDATE affiliates.affiliate_commissions SET payout_id = NULL WHERE payout_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION affiliates.settle_payout() IS
    'Row trigger on affiliate_payouts: completed marks its commissions paid, failed and cancelled set them free';
CREATE TRIGGER affiliate_payouts_settle AFTER UPDATE OF status ON affiliates.affiliate_payouts
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION affiliates.settle_payout();

CREATE FUNCTION affiliates.batch_commissions(p_affiliate_id uuid, p_until timestamptz DEFAULT now()) RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    affiliate affiliates.affiliates;
    ids uuid[];
    earned numeric;
    earned_from timestamptz;
    payout uuid;
BEGIN
    SELECT * INTO affiliate FROM affiliates.affiliates WHERE id = p_affiliate_id;
    SELECT array_agg(id), sum(amount), min(earned_at) INTO ids, earned, earned_from
    FROM (SELECT id, amount, earned_at FROM affiliates.affiliate_commissions
          WHERE affiliate_id = p_affiliate_id AND status = 'approved' AND payout_id IS NULL AND earned_at < p_until
          ORDER BY id FOR UPDATE) AS due;
    IF earned > 0 AND earned >= affiliate.minimum_payout THEN
        INSERT INTO affiliates.affiliate_payouts (affiliate_id, amount, currency, period_start, period_end, payout_method)
        VALUES (p_affiliate_id, earned, affiliate.currency, earned_from, p_until, affiliate.payout_method)
        RETURNING id INTO payout;
        UPDATE affiliates.affiliate_commissions SET payout_id = payout WHERE id = ANY (ids);
    END IF;
    RETURN payout;
END
$$;
COMMENT ON FUNCTION affiliates.batch_commissions(uuid, timestamptz) IS
    'Makes a payout of the affiliate''s approved commissions earned before the moment that are in no payout yet, and returns its id; '
    'null when they are below minimum_payout';

CREATE VIEW affiliates.affiliate_performance AS
SELECT a.id AS affiliate_id, a.affiliate_code, a.status, clicks.clicks, clicks.unique_visitors, clicks.last_click_at,
       a.total_referrals, a.total_conversions, a.conversion_percent,
       a.pending_earnings, a.approved_earnings, a.paid_earnings, a.total_earnings, a.currency
FROM affiliates.affiliates AS a
CROSS JOIN LATERAL (SELECT count(*) AS clicks, count(DISTINCT c.visitor_id) AS unique_visitors, max(c.clicked_at) AS last_click_at
                    FROM affiliates.affiliate_clicks AS c WHERE c.affiliate_id = a.id) AS clicks;
COMMENT ON VIEW affiliates.affiliate_performance IS 'What each affiliate brought and earned, with the clicks that are still kept';

CREATE FUNCTION affiliates.click_statistics(p_from timestamptz, p_to timestamptz, p_affiliate_id uuid DEFAULT NULL)
RETURNS TABLE (affiliate_id uuid, day date, utm_source text, utm_medium text, utm_campaign text, clicks bigint, unique_visitors bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog
AS $$
    SELECT c.affiliate_id, (c.clicked_at AT TIME ZONE 'UTC')::date, c.utm_source, c.utm_medium, c.utm_campaign,
           count(*), count(DISTINCT c.visitor_id)
    FROM affiliates.affiliate_clicks AS c
    WHERE c.clicked_at >= p_from AND c.clicked_at < p_to AND (p_affiliate_id IS NULL OR c.affiliate_id = p_affiliate_id)
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
$$;
COMMENT ON FUNCTION affiliates.click_statistics(timestamptz, timestamptz, uuid) IS
    'Clicks from p_from until before p_to by affiliate, UTC day and campaign; of one affiliate or, without p_affiliate_id, of all';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['affiliates', 'affiliate_referrals', 'affiliate_payouts', 'affiliate_commissions'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON affiliates.%I FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column()',
                       name || '_updated_at', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['affiliate_referrals', 'affiliate_commissions'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON affiliates.%I FOR EACH STATEMENT EXECUTE FUNCTION affiliates.refuse_truncate()',
                       name || '_no_truncate', name);
    END LOOP;
END
$$;

INSERT INTO ingest.partitioned_tables (table_name, time_column, span, sealed_indexes)
VALUES ('affiliates.affiliate_clicks', 'clicked_at', 'month', '{"clicked_at","utm_campaign","visitor_id"}');
SELECT ingest.create_partition('affiliates.affiliate_clicks', now());
SELECT ingest.create_partition('affiliates.affiliate_clicks', now() + interval '1 month');
