-- What guiding and rating read: customers, accounts, plans, tariffs, subscriptions, DIDs.
-- Every change of these tables notifies running daemons.

CREATE TYPE billing.customer_type AS ENUM ('individual', 'small_business', 'enterprise');
CREATE TYPE billing.customer_status AS ENUM ('active', 'inactive', 'suspended', 'closed');
CREATE TYPE billing.kyc_status AS ENUM ('pending', 'submitted', 'verified', 'rejected');
CREATE TYPE billing.account_type AS ENUM ('prepaid', 'postpaid');
CREATE TYPE billing.account_status AS ENUM ('active', 'suspended', 'closed');
CREATE TYPE billing.plan_tier AS ENUM
    ('free', 'starter', 'pro', 'professional', 'call_center', 'enterprise', 'custom');
CREATE TYPE billing.billing_interval AS ENUM ('monthly', 'yearly', 'lifetime', 'none');
CREATE TYPE billing.rounding_mode AS ENUM ('up', 'down', 'half_up', 'half_even');
CREATE TYPE billing.call_direction AS ENUM ('outbound', 'inbound');
CREATE TYPE billing.subscription_status AS ENUM
    ('incomplete', 'trialing', 'active', 'past_due', 'paused', 'suspended', 'canceled', 'expired');
CREATE TYPE billing.did_status AS ENUM ('available', 'reserved', 'active', 'suspended', 'ported_out');

CREATE TABLE billing.customers (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE RESTRICT,
    customer_type billing.customer_type NOT NULL DEFAULT 'individual',
    company_name text,
    gstin text,
    pan text,
    status billing.customer_status NOT NULL DEFAULT 'active',
    kyc_status billing.kyc_status NOT NULL DEFAULT 'pending',
    kyc_documents jsonb NOT NULL DEFAULT '[]',
    kyc_verified_at timestamptz,
    contact_email text,
    contact_phone text,
    address_line1 text,
    address_line2 text,
    city text,
    state text,
    postal_code text,
    country char(2) NOT NULL DEFAULT 'IN' CHECK (country ~ '^[A-Z]{2}$'),
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE INDEX customers_user_id_idx ON billing.customers (user_id);
CREATE INDEX customers_status_idx ON billing.customers (status);
CREATE INDEX customers_deleted_at_idx ON billing.customers (deleted_at);
CREATE UNIQUE INDEX customers_gstin_key ON billing.customers (gstin) WHERE deleted_at IS NULL;
COMMENT ON TABLE billing.customers IS 'Who is billed: a person or a company';
COMMENT ON COLUMN billing.customers.gstin IS 'Goods and Services Tax Identification Number (India)';
COMMENT ON COLUMN billing.customers.pan IS 'Permanent Account Number (India)';
COMMENT ON COLUMN billing.customers.country IS 'ISO 3166-1, two letters';
COMMENT ON COLUMN billing.customers.deleted_at IS 'Soft delete: the row stays for history, the GSTIN is free again';

CREATE TABLE billing.accounts (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    customer_id uuid NOT NULL REFERENCES billing.customers (id) ON DELETE RESTRICT,
    account_number text NOT NULL CHECK (account_number <> ''),
    account_name text,
    account_type billing.account_type NOT NULL DEFAULT 'prepaid',
    status billing.account_status NOT NULL DEFAULT 'active',
    balance numeric(24, 9) NOT NULL DEFAULT 0,
    currency char(3) NOT NULL DEFAULT 'INR' CHECK (currency ~ '^[A-Z]{3}$'),
    credit_limit numeric(20, 6) NOT NULL DEFAULT 0 CHECK (credit_limit >= 0),
    low_balance_threshold numeric(20, 6) CHECK (low_balance_threshold >= 0),
    auto_recharge_enabled boolean NOT NULL DEFAULT false,
    auto_recharge_threshold numeric(20, 6) CHECK (auto_recharge_threshold >= 0),
    auto_recharge_amount numeric(20, 6) CHECK (auto_recharge_amount > 0),
    max_concurrent_calls integer CHECK (max_concurrent_calls > 0),
    time_zone text NOT NULL DEFAULT 'Asia/Kolkata',
    suspended_at timestamptz,
    suspension_reason text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT accounts_account_number_key UNIQUE (account_number),
    CONSTRAINT accounts_auto_recharge CHECK (NOT auto_recharge_enabled
        OR (auto_recharge_threshold IS NOT NULL AND auto_recharge_amount IS NOT NULL)),
    CONSTRAINT accounts_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[balance, credit_limit, low_balance_threshold, auto_recharge_threshold, auto_recharge_amount]))
) WITH (fillfactor = 60);
CREATE INDEX accounts_customer_id_idx ON billing.accounts (customer_id);
CREATE INDEX accounts_status_idx ON billing.accounts (status);
CREATE INDEX accounts_account_type_idx ON billing.accounts (account_type);
CREATE INDEX accounts_deleted_at_idx ON billing.accounts (deleted_at);
COMMENT ON TABLE billing.accounts IS
    'Where money is kept. balance is a counter that batches move: fillfactor leaves room for HOT updates, and no index or trigger '
    'touches it';
COMMENT ON COLUMN billing.accounts.account_number IS 'What switches send as account code';
COMMENT ON COLUMN billing.accounts.balance IS
    'Money left (prepaid) or owed when negative (postpaid), in currency units. Nine decimals: a cost may have nine, and sums must '
    'agree to the last';
COMMENT ON COLUMN billing.accounts.credit_limit IS 'How far below zero a postpaid balance may go, in currency units';
COMMENT ON COLUMN billing.accounts.auto_recharge_threshold IS
    'A balance below this is recharged by auto_recharge_amount, in currency units';
COMMENT ON COLUMN billing.accounts.deleted_at IS 'Soft delete: calls of a deleted account find no account';

CREATE TABLE billing.rate_plans (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    code text NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9_.-]*$'),
    name text NOT NULL CHECK (name <> ''),
    description text,
    monthly_price numeric(20, 6) NOT NULL DEFAULT 0 CHECK (monthly_price >= 0),
    annual_price numeric(20, 6) CHECK (annual_price >= 0),
    lifetime_price numeric(20, 6) CHECK (lifetime_price >= 0),
    currency char(3) NOT NULL DEFAULT 'INR' CHECK (currency ~ '^[A-Z]{3}$'),
    time_zone text NOT NULL DEFAULT 'Asia/Kolkata',
    included_minutes integer NOT NULL DEFAULT 0 CHECK (included_minutes >= 0),
    included_dids integer NOT NULL DEFAULT 0 CHECK (included_dids >= 0),
    max_concurrent_calls integer CHECK (max_concurrent_calls > 0),
    rounding billing.rounding_mode NOT NULL DEFAULT 'half_up',
    decimals smallint NOT NULL DEFAULT 4 CHECK (decimals BETWEEN 0 AND 9),
    split_at_bands boolean NOT NULL DEFAULT true,
    fallback_plan_id uuid REFERENCES billing.rate_plans (id) ON DELETE RESTRICT,
    features jsonb NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    tier billing.plan_tier,
    billing_interval billing.billing_interval NOT NULL DEFAULT 'monthly',
    stripe_product_id text,
    stripe_price_id text,
    display_order integer NOT NULL DEFAULT 0,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT rate_plans_code_key UNIQUE (code),
    CONSTRAINT rate_plans_stripe_price_id_key UNIQUE (stripe_price_id),
    CONSTRAINT rate_plans_no_own_fallback CHECK (fallback_plan_id <> id),
    CONSTRAINT rate_plans_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[monthly_price, annual_price, lifetime_price]))
);
CREATE INDEX rate_plans_name_idx ON billing.rate_plans (name);
CREATE INDEX rate_plans_is_active_idx ON billing.rate_plans (is_active);
CREATE UNIQUE INDEX rate_plans_tier_billing_interval_key ON billing.rate_plans (tier, billing_interval)
    WHERE deleted_at IS NULL;
CREATE INDEX rate_plans_tier_idx ON billing.rate_plans (tier);
CREATE INDEX rate_plans_stripe_product_id_idx ON billing.rate_plans (stripe_product_id);
CREATE INDEX rate_plans_display_order_idx ON billing.rate_plans (display_order);
CREATE INDEX rate_plans_deleted_at_idx ON billing.rate_plans (deleted_at);
CREATE INDEX rate_plans_fallback_plan_id_idx ON billing.rate_plans (fallback_plan_id);
COMMENT ON TABLE billing.rate_plans IS 'What is sold: a price, an allowance, and a tariff (rates, rate_steps)';
COMMENT ON COLUMN billing.rate_plans.time_zone IS 'IANA zone: billing periods, days of aggregates and bands';
COMMENT ON COLUMN billing.rate_plans.rounding IS 'How the cost of one record is rounded, once, to `decimals`';
COMMENT ON COLUMN billing.rate_plans.fallback_plan_id IS 'Asked for a rate when this plan has none; three deep at most';
COMMENT ON COLUMN billing.rate_plans.monthly_price IS 'Of a month''s subscription, in currency units';
COMMENT ON COLUMN billing.rate_plans.annual_price IS 'Of a year''s subscription, in currency units; null: not sold by the year';
COMMENT ON COLUMN billing.rate_plans.lifetime_price IS 'Paid once, in currency units; null: not sold that way';
COMMENT ON COLUMN billing.rate_plans.tier IS
    'Place in the price list, one plan for each billing interval; null: in none, as a plan made for one customer';
COMMENT ON COLUMN billing.rate_plans.billing_interval IS 'The interval it is offered by; none: free of a recurring price';
COMMENT ON COLUMN billing.rate_plans.display_order IS 'Place on a page that shows plans, ascending';
COMMENT ON COLUMN billing.rate_plans.deleted_at IS 'Soft delete: no longer sold; whoever subscribes to it is rated by it';
COMMENT ON COLUMN billing.rate_plans.included_minutes IS 'Allowance of a billing period, drawn by rates that say so';
COMMENT ON COLUMN billing.rate_plans.decimals IS 'Decimals of the cost of one record';
COMMENT ON COLUMN billing.rate_plans.split_at_bands IS
    'Whether a call that crosses a band''s border is charged by both bands, or by the one it began in';
COMMENT ON COLUMN billing.rate_plans.features IS 'What the plan includes besides minutes, by name';

CREATE TABLE billing.destinations (
    prefix text PRIMARY KEY CHECK (prefix ~ '^[0-9]{0,32}$'),
    name text NOT NULL,
    country char(2) CHECK (country ~ '^[A-Z]{2}$'),
    call_type text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE billing.destinations IS 'Names and call types of number prefixes, for rates that do not say theirs';
COMMENT ON COLUMN billing.destinations.prefix IS 'E.164 digits without +; the longest that matches holds';

CREATE TABLE billing.rate_bands (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    rate_plan_id uuid NOT NULL REFERENCES billing.rate_plans (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    days smallint[] NOT NULL DEFAULT '{}' CHECK (days <@ '{1, 2, 3, 4, 5, 6, 7}'),
    from_time time,
    to_time time,
    weight integer NOT NULL DEFAULT 0,
    position smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT rate_bands_plan_name_key UNIQUE (rate_plan_id, name)
);
COMMENT ON TABLE billing.rate_bands IS 'Wall-clock windows of a plan, in its time zone';
COMMENT ON COLUMN billing.rate_bands.days IS 'ISO days of the week, 1 = Monday; empty: every day';
COMMENT ON COLUMN billing.rate_bands.to_time IS 'Not after from_time: the band runs past midnight';
COMMENT ON COLUMN billing.rate_bands.weight IS 'Of bands that cover a moment the heaviest holds';
COMMENT ON COLUMN billing.rate_bands.position IS 'In the plan''s list: of bands of one weight the first holds';

CREATE TABLE billing.holidays (
    rate_band_id uuid NOT NULL REFERENCES billing.rate_bands (id) ON DELETE CASCADE,
    holiday date NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rate_band_id, holiday)
);
COMMENT ON TABLE billing.holidays IS 'Dates on which a band holds';

CREATE TABLE billing.rates (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    rate_plan_id uuid NOT NULL REFERENCES billing.rate_plans (id) ON DELETE CASCADE,
    rate_band_id uuid REFERENCES billing.rate_bands (id) ON DELETE CASCADE,
    prefix text NOT NULL CHECK (prefix ~ '^[0-9]{0,32}$'),
    name text,
    direction billing.call_direction NOT NULL DEFAULT 'outbound',
    call_type text,
    connect_fee numeric(20, 9) NOT NULL DEFAULT 0 CHECK (connect_fee >= 0),
    minimum numeric(20, 9) NOT NULL DEFAULT 0 CHECK (minimum >= 0),
    maximum numeric(20, 9) CHECK (maximum >= minimum),
    grace_s integer NOT NULL DEFAULT 0 CHECK (grace_s >= 0),
    allowance boolean NOT NULL DEFAULT false,
    is_on_net boolean NOT NULL DEFAULT false,
    effective_from timestamptz NOT NULL DEFAULT '-infinity',
    effective_to timestamptz NOT NULL DEFAULT 'infinity',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT rates_effective CHECK (effective_to > effective_from),
    CONSTRAINT rates_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[connect_fee, minimum, maximum]))
);
-- PostgreSQL 14 has no NULLS NOT DISTINCT: in the index the nil uuid means "no band".
CREATE UNIQUE INDEX rates_key ON billing.rates
    (rate_plan_id, prefix, direction, (coalesce(rate_band_id, '00000000-0000-0000-0000-000000000000'::uuid)), is_on_net, effective_from);
CREATE INDEX rates_rate_band_id_idx ON billing.rates (rate_band_id);
COMMENT ON TABLE billing.rates IS
    'Price of a prefix in a plan; its steps are in rate_steps. Old rates are closed (effective_to), never deleted';
COMMENT ON COLUMN billing.rates.prefix IS 'E.164 digits without +; empty matches every number';
COMMENT ON COLUMN billing.rates.call_type IS 'Null: that of the longest matching destination';
COMMENT ON COLUMN billing.rates.connect_fee IS 'Once per answered call, in currency units';
COMMENT ON COLUMN billing.rates.maximum IS 'Most that one call may cost, in currency units; null: no bound';
COMMENT ON COLUMN billing.rates.grace_s IS 'An answered call of at most this many seconds is free';
COMMENT ON COLUMN billing.rates.allowance IS 'Draws the plan''s included minutes first';
COMMENT ON COLUMN billing.rates.effective_to IS 'Exclusive';

CREATE TABLE billing.rate_steps (
    rate_id uuid NOT NULL REFERENCES billing.rates (id) ON DELETE CASCADE,
    from_s integer NOT NULL CHECK (from_s >= 0),
    price numeric(20, 9) NOT NULL,
    unit_s integer NOT NULL CHECK (unit_s > 0),
    increment_s integer NOT NULL CHECK (increment_s > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rate_id, from_s),
    CONSTRAINT rate_steps_no_nan CHECK (price <> 'NaN')
);
COMMENT ON TABLE billing.rate_steps IS 'From second from_s of the call on: price per unit_s seconds, in whole increments of increment_s';

CREATE TABLE billing.subscriptions (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    subscription_number text NOT NULL CHECK (subscription_number <> ''),
    customer_id uuid NOT NULL REFERENCES billing.customers (id) ON DELETE RESTRICT,
    user_id uuid REFERENCES identity.users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES billing.accounts (id) ON DELETE RESTRICT,
    rate_plan_id uuid NOT NULL REFERENCES billing.rate_plans (id) ON DELETE RESTRICT,
    status billing.subscription_status NOT NULL DEFAULT 'active',
    billing_interval billing.billing_interval NOT NULL DEFAULT 'monthly',
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    current_period_start timestamptz,
    current_period_end timestamptz,
    next_billing_date date,
    price numeric(20, 6) CHECK (price >= 0),
    currency char(3) NOT NULL DEFAULT 'INR' CHECK (currency ~ '^[A-Z]{3}$'),
    discount_percent numeric(5, 2) NOT NULL DEFAULT 0 CHECK (discount_percent BETWEEN 0 AND 100),
    auto_renew boolean NOT NULL DEFAULT true,
    trial_started_at timestamptz,
    trial_ends_at timestamptz,
    cancelled_at timestamptz,
    cancellation_reason text,
    cancel_at_period_end boolean NOT NULL DEFAULT false,
    stripe_subscription_id text,
    stripe_customer_id text,
    stripe_checkout_session_id text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT subscriptions_subscription_number_key UNIQUE (subscription_number),
    CONSTRAINT subscriptions_stripe_subscription_id_key UNIQUE (stripe_subscription_id),
    CONSTRAINT subscriptions_ends_after_start CHECK (ended_at >= started_at),
    CONSTRAINT subscriptions_period CHECK (current_period_end > current_period_start),
    CONSTRAINT subscriptions_trial CHECK (trial_ends_at > trial_started_at),
    CONSTRAINT subscriptions_no_nan CHECK (price <> 'NaN')
);
CREATE INDEX subscriptions_customer_id_idx ON billing.subscriptions (customer_id);
CREATE INDEX subscriptions_account_id_idx ON billing.subscriptions (account_id);
CREATE INDEX subscriptions_rate_plan_id_idx ON billing.subscriptions (rate_plan_id);
CREATE INDEX subscriptions_status_idx ON billing.subscriptions (status);
CREATE INDEX subscriptions_next_billing_date_idx ON billing.subscriptions (next_billing_date);
CREATE INDEX subscriptions_user_id_idx ON billing.subscriptions (user_id);
CREATE UNIQUE INDEX subscriptions_user_id_status_key ON billing.subscriptions (user_id, status)
    WHERE deleted_at IS NULL AND status NOT IN ('canceled', 'expired');
CREATE INDEX subscriptions_current_period_end_idx ON billing.subscriptions (current_period_end);
CREATE INDEX subscriptions_status_current_period_end_idx ON billing.subscriptions (status, current_period_end);
CREATE INDEX subscriptions_trial_ends_at_idx ON billing.subscriptions (trial_ends_at);
CREATE INDEX subscriptions_stripe_customer_id_idx ON billing.subscriptions (stripe_customer_id);
CREATE INDEX subscriptions_deleted_at_idx ON billing.subscriptions (deleted_at);
COMMENT ON TABLE billing.subscriptions IS 'Which plan an account''s usage is rated by, and when';
COMMENT ON TYPE billing.subscription_status IS
    'A canceled one is paid until ended_at, or to the end of its period where cancel_at_period_end says so; then it is expired';
COMMENT ON COLUMN billing.subscriptions.user_id IS
    'The one user it is for, who has at most one in each status until it ends; null: for all of the customer''s';
COMMENT ON INDEX billing.subscriptions_user_id_status_key IS 'Ended ones may repeat: whoever comes back has several';
COMMENT ON COLUMN billing.subscriptions.trial_ends_at IS 'Exclusive';
COMMENT ON COLUMN billing.subscriptions.cancel_at_period_end IS 'Runs on to current_period_end and is not renewed';
COMMENT ON COLUMN billing.subscriptions.deleted_at IS 'Soft delete: usage from here on is not rated by it; its number stays taken';
COMMENT ON COLUMN billing.subscriptions.started_at IS
    'Usage from here on is rated by it; billing periods count from this day, in the plan''s time zone';
COMMENT ON COLUMN billing.subscriptions.ended_at IS 'Exclusive; null: open';
COMMENT ON COLUMN billing.subscriptions.price IS 'Agreed price of a billing interval, in currency units; null: the plan''s';
COMMENT ON COLUMN billing.subscriptions.current_period_end IS 'Exclusive';
COMMENT ON COLUMN billing.subscriptions.discount_percent IS 'Off the price of a billing interval';

CREATE TABLE billing.dids (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    subscription_id uuid REFERENCES billing.subscriptions (id) ON DELETE SET NULL,
    did_number text NOT NULL CHECK (did_number ~ '^\+?[0-9]{3,32}$'),
    status billing.did_status NOT NULL DEFAULT 'available',
    country char(2) CHECK (country ~ '^[A-Z]{2}$'),
    area_code text,
    city text,
    did_type text,
    provider text,
    monthly_cost numeric(20, 6) NOT NULL DEFAULT 0 CHECK (monthly_cost >= 0),
    setup_cost numeric(20, 6) NOT NULL DEFAULT 0 CHECK (setup_cost >= 0),
    currency char(3) NOT NULL DEFAULT 'INR' CHECK (currency ~ '^[A-Z]{3}$'),
    capabilities jsonb NOT NULL DEFAULT '{"voice": true}',
    routing jsonb NOT NULL DEFAULT '{}',
    assigned_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT dids_did_number_key UNIQUE (did_number),
    CONSTRAINT dids_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[monthly_cost, setup_cost]))
);
CREATE INDEX dids_subscription_id_idx ON billing.dids (subscription_id);
CREATE INDEX dids_status_idx ON billing.dids (status);
CREATE INDEX dids_country_idx ON billing.dids (country);
COMMENT ON TABLE billing.dids IS 'Our numbers (direct inward dialling) and whose they are';
COMMENT ON COLUMN billing.dids.did_number IS 'E.164, with or without +';
COMMENT ON COLUMN billing.dids.monthly_cost IS 'What the number costs us, in currency units';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['customers', 'rate_plans', 'destinations', 'rate_bands', 'rates', 'subscriptions', 'dids'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON billing.%I FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column()',
                       name || '_updated_at', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['rate_plans', 'destinations', 'rate_bands', 'holidays', 'rates', 'rate_steps', 'subscriptions', 'dids'] LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON billing.%I FOR EACH STATEMENT EXECUTE FUNCTION public.notify_catalog_change()',
                       name || '_notify', name);
    END LOOP;
END
$$;

-- accounts: batches update balance and updated_at; the triggers fire for other columns only.
CREATE TRIGGER accounts_updated_at BEFORE UPDATE OF customer_id, account_number, account_name, account_type, status,
        currency, credit_limit, low_balance_threshold, auto_recharge_enabled, auto_recharge_threshold,
        auto_recharge_amount, max_concurrent_calls, time_zone, suspended_at, suspension_reason, metadata, deleted_at
    ON billing.accounts FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE TRIGGER accounts_notify AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF customer_id, account_number, status, currency, deleted_at
    ON billing.accounts FOR EACH STATEMENT EXECUTE FUNCTION public.notify_catalog_change();
