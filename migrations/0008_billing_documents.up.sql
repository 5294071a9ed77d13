-- Charges besides calls, and the invoices and payments that settle them.

CREATE TYPE billing.metric_aggregation AS ENUM ('sum', 'count', 'max', 'unique', 'latest');
CREATE TYPE billing.price_model AS ENUM ('per_unit', 'package', 'graduated', 'volume', 'percentage');
CREATE TYPE billing.payment_method_type AS ENUM
    ('card', 'upi', 'netbanking', 'bank_transfer', 'direct_debit', 'wallet', 'cash', 'cheque', 'other');
CREATE TYPE billing.payment_method_status AS ENUM ('active', 'expired', 'failed', 'removed');
CREATE TYPE billing.invoice_status AS ENUM
    ('draft', 'open', 'partially_paid', 'paid', 'overdue', 'void', 'uncollectible', 'refunded');
CREATE TYPE billing.payment_status AS ENUM
    ('pending', 'processing', 'succeeded', 'failed', 'cancelled', 'partially_refunded', 'refunded', 'disputed');
CREATE TYPE billing.payment_purpose AS ENUM ('invoice', 'subscription', 'recharge', 'auto_recharge', 'deposit', 'other');
CREATE TYPE billing.transaction_status AS ENUM ('pending', 'processing', 'succeeded', 'failed', 'cancelled', 'refunded');

CREATE TABLE billing.metric_prices (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    rate_plan_id uuid NOT NULL REFERENCES billing.rate_plans (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    unit text NOT NULL DEFAULT '',
    aggregation billing.metric_aggregation NOT NULL DEFAULT 'sum',
    unique_property text,
    included numeric(28, 9) NOT NULL DEFAULT 0 CHECK (included >= 0),
    model billing.price_model NOT NULL DEFAULT 'per_unit',
    price numeric(20, 9) CHECK (price >= 0),
    package numeric(28, 9) CHECK (package > 0),
    percent numeric(12, 9) CHECK (percent BETWEEN 0 AND 100),
    minimum numeric(20, 9) NOT NULL DEFAULT 0 CHECK (minimum >= 0),
    maximum numeric(20, 9) CHECK (maximum >= minimum),
    effective_from timestamptz NOT NULL DEFAULT '-infinity',
    effective_to timestamptz NOT NULL DEFAULT 'infinity',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT metric_prices_key UNIQUE (rate_plan_id, name, effective_from),
    CONSTRAINT metric_prices_effective CHECK (effective_to > effective_from),
    CONSTRAINT metric_prices_unique_property CHECK ((aggregation = 'unique') = (coalesce(unique_property, '') <> '')),
    CONSTRAINT metric_prices_has_price CHECK (model NOT IN ('per_unit', 'package') OR price IS NOT NULL),
    CONSTRAINT metric_prices_has_package CHECK (model <> 'package' OR package IS NOT NULL),
    CONSTRAINT metric_prices_has_percent CHECK (model <> 'percentage' OR percent IS NOT NULL),
    CONSTRAINT metric_prices_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[included, price, package, minimum, maximum]))
);
COMMENT ON TABLE billing.metric_prices IS
    'What usage of a metric costs in a plan, in the plan''s currency: F, the price of a billing period''s whole quantity. Tiers are '
    'in metric_tiers. Old prices are closed (effective_to), never deleted';
COMMENT ON COLUMN billing.metric_prices.name IS 'The metric, as events name it: sms, data_mb, api_calls';
COMMENT ON COLUMN billing.metric_prices.unit IS 'What one of it is called: message, MB';
COMMENT ON COLUMN billing.metric_prices.aggregation IS 'How the quantities of a period become one';
COMMENT ON COLUMN billing.metric_prices.unique_property IS
    'Of aggregation unique: the property of the event whose different values are counted';
COMMENT ON COLUMN billing.metric_prices.included IS 'Quantity of a billing period that is free';
COMMENT ON COLUMN billing.metric_prices.price IS 'Per unit, or per package, in currency units';
COMMENT ON COLUMN billing.metric_prices.package IS 'Units in a package; a started one counts whole';
COMMENT ON COLUMN billing.metric_prices.percent IS 'Of the quantity, which is an amount then';
COMMENT ON COLUMN billing.metric_prices.minimum IS 'Spend of a billing period with any usage, in currency units';
COMMENT ON COLUMN billing.metric_prices.maximum IS 'Most spend of a billing period, in currency units; null: no bound';
COMMENT ON COLUMN billing.metric_prices.effective_to IS 'Exclusive';

CREATE TABLE billing.metric_tiers (
    metric_price_id uuid NOT NULL REFERENCES billing.metric_prices (id) ON DELETE CASCADE,
    position smallint NOT NULL CHECK (position >= 0),
    up_to numeric(28, 9) CHECK (up_to > 0),
    price numeric(20, 9) NOT NULL DEFAULT 0 CHECK (price >= 0),
    flat numeric(20, 9) NOT NULL DEFAULT 0 CHECK (flat >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (metric_price_id, position),
    CONSTRAINT metric_tiers_up_to_key UNIQUE (metric_price_id, up_to),
    CONSTRAINT metric_tiers_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[up_to, price, flat]))
);
CREATE UNIQUE INDEX metric_tiers_last_key ON billing.metric_tiers (metric_price_id) WHERE up_to IS NULL;
COMMENT ON TABLE billing.metric_tiers IS 'Tiers of a graduated or volume price, in the order of position, which is that of up_to';
COMMENT ON COLUMN billing.metric_tiers.up_to IS 'The last quantity of the tier, inclusive; null: the last tier, without an end';
COMMENT ON COLUMN billing.metric_tiers.price IS 'Per unit, in units of the plan''s currency';
COMMENT ON COLUMN billing.metric_tiers.flat IS 'Once when the tier is entered, in units of the plan''s currency';

-- A counter like subscription_usage: no row trigger, no volatile default, room for HOT updates.
CREATE TABLE billing.subscription_metric_usage (
    subscription_id uuid NOT NULL REFERENCES billing.subscriptions (id) ON DELETE RESTRICT,
    account_id uuid NOT NULL REFERENCES billing.accounts (id) ON DELETE RESTRICT,
    billing_period_start timestamptz NOT NULL,
    billing_period_end timestamptz NOT NULL,
    metric text NOT NULL CHECK (metric <> ''),
    events_count bigint NOT NULL DEFAULT 0 CHECK (events_count >= 0),
    quantity numeric(28, 9) NOT NULL DEFAULT 0,
    included_quantity_used numeric(28, 9) NOT NULL DEFAULT 0 CHECK (included_quantity_used >= 0),
    cost numeric(24, 9) NOT NULL DEFAULT 0,
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    last_usage_at timestamptz,
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, billing_period_start, metric),
    CONSTRAINT subscription_metric_usage_period CHECK (billing_period_end > billing_period_start)
) WITH (fillfactor = 50);
CREATE INDEX subscription_metric_usage_account_id_idx ON billing.subscription_metric_usage (account_id);
CREATE INDEX subscription_metric_usage_period_idx ON billing.subscription_metric_usage (billing_period_start, billing_period_end);
COMMENT ON TABLE billing.subscription_metric_usage IS
    'What a subscription has used of a metric in a billing period. Like subscription_usage it protects every account and subscription '
    'that has an event';
COMMENT ON COLUMN billing.subscription_metric_usage.billing_period_end IS 'Exclusive';
COMMENT ON COLUMN billing.subscription_metric_usage.quantity IS
    'Of the whole period, by the metric''s aggregation; the next event is priced from here';
COMMENT ON COLUMN billing.subscription_metric_usage.included_quantity_used IS 'Of quantity, covered by what the plan includes';
COMMENT ON COLUMN billing.subscription_metric_usage.cost IS 'F(quantity), in currency units: what the events of the period cost together';
COMMENT ON COLUMN billing.subscription_metric_usage.version IS
    'Moved by one with each batch, by compare-and-set: a daemon with a stale quantity changes nothing';

CREATE TABLE billing.payment_methods (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    customer_id uuid NOT NULL REFERENCES billing.customers (id) ON DELETE CASCADE,
    method_type billing.payment_method_type NOT NULL,
    status billing.payment_method_status NOT NULL DEFAULT 'active',
    gateway text NOT NULL CHECK (gateway <> ''),
    gateway_payment_method_id text,
    gateway_customer_id text,
    is_default boolean NOT NULL DEFAULT false,
    display_name text,
    card_brand text,
    card_last4 text CHECK (card_last4 ~ '^[0-9]{4}$'),
    card_exp_month smallint CHECK (card_exp_month BETWEEN 1 AND 12),
    card_exp_year smallint CHECK (card_exp_year BETWEEN 2000 AND 2199),
    bank_name text,
    upi_id text,
    billing_name text,
    billing_address jsonb NOT NULL DEFAULT '{}',
    verified_at timestamptz,
    last_used_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT payment_methods_card_expiry CHECK ((card_exp_month IS NULL) = (card_exp_year IS NULL))
);
CREATE INDEX payment_methods_customer_id_idx ON billing.payment_methods (customer_id);
CREATE UNIQUE INDEX payment_methods_gateway_payment_method_id_key
    ON billing.payment_methods (gateway_payment_method_id, gateway) WHERE deleted_at IS NULL;
CREATE INDEX payment_methods_is_default_idx ON billing.payment_methods (is_default);
CREATE UNIQUE INDEX payment_methods_one_default_key ON billing.payment_methods (customer_id) WHERE is_default AND deleted_at IS NULL;
CREATE INDEX payment_methods_deleted_at_idx ON billing.payment_methods (deleted_at);
COMMENT ON TABLE billing.payment_methods IS 'Saved ways to pay. The gateway keeps the secret parts; here is what people recognise them by';
COMMENT ON COLUMN billing.payment_methods.gateway IS 'stripe, razorpay, manual';
COMMENT ON COLUMN billing.payment_methods.gateway_payment_method_id IS 'The gateway''s token of the method';
COMMENT ON COLUMN billing.payment_methods.is_default IS 'Used for recharges and renewals; one of a customer''s at most';
COMMENT ON COLUMN billing.payment_methods.upi_id IS 'Virtual payment address (India)';

CREATE TABLE billing.invoices (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    invoice_number text NOT NULL CHECK (invoice_number <> ''),
    customer_id uuid NOT NULL REFERENCES billing.customers (id) ON DELETE RESTRICT,
    user_id uuid REFERENCES identity.users (id) ON DELETE RESTRICT,
    account_id uuid REFERENCES billing.accounts (id) ON DELETE RESTRICT,
    subscription_id uuid REFERENCES billing.subscriptions (id) ON DELETE CASCADE,
    status billing.invoice_status NOT NULL DEFAULT 'draft',
    issue_date date NOT NULL DEFAULT current_date,
    due_date date NOT NULL,
    billing_period_start timestamptz,
    billing_period_end timestamptz,
    subtotal numeric(24, 9) NOT NULL DEFAULT 0 CHECK (subtotal >= 0),
    usage_amount numeric(24, 9) NOT NULL DEFAULT 0 CHECK (usage_amount >= 0),
    discount_amount numeric(24, 9) NOT NULL DEFAULT 0 CHECK (discount_amount >= 0),
    tax_percent numeric(5, 2) NOT NULL DEFAULT 0 CHECK (tax_percent BETWEEN 0 AND 100),
    tax_amount numeric(24, 9) NOT NULL DEFAULT 0 CHECK (tax_amount >= 0),
    amount numeric(24, 9) GENERATED ALWAYS AS (subtotal - discount_amount + tax_amount) STORED,
    amount_paid numeric(24, 9) NOT NULL DEFAULT 0 CHECK (amount_paid >= 0),
    amount_due numeric(24, 9) GENERATED ALWAYS AS (subtotal - discount_amount + tax_amount - amount_paid) STORED,
    currency char(3) NOT NULL DEFAULT 'INR' CHECK (currency ~ '^[A-Z]{3}$'),
    line_items jsonb NOT NULL DEFAULT '[]',
    billing_address jsonb NOT NULL DEFAULT '{}',
    notes text,
    pdf_url text,
    stripe_invoice_id text,
    issued_at timestamptz,
    paid_at timestamptz,
    voided_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT invoices_invoice_number_key UNIQUE (invoice_number),
    CONSTRAINT invoices_stripe_invoice_id_key UNIQUE (stripe_invoice_id),
    CONSTRAINT invoices_due_after_issue CHECK (due_date >= issue_date),
    CONSTRAINT invoices_period CHECK (billing_period_end > billing_period_start),
    CONSTRAINT invoices_discount CHECK (discount_amount <= subtotal),
    CONSTRAINT invoices_usage CHECK (usage_amount <= subtotal),
    CONSTRAINT invoices_paid CHECK (status <> 'paid' OR paid_at IS NOT NULL),
    CONSTRAINT invoices_void CHECK ((status = 'void') = (voided_at IS NOT NULL)),
    CONSTRAINT invoices_line_items CHECK (jsonb_typeof(line_items) = 'array'),
    CONSTRAINT invoices_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[subtotal, usage_amount, discount_amount, tax_amount, amount_paid]))
);
CREATE INDEX invoices_customer_id_idx ON billing.invoices (customer_id);
CREATE INDEX invoices_user_id_idx ON billing.invoices (user_id);
CREATE INDEX invoices_account_id_idx ON billing.invoices (account_id);
CREATE INDEX invoices_subscription_id_idx ON billing.invoices (subscription_id);
CREATE INDEX invoices_status_idx ON billing.invoices (status);
CREATE INDEX invoices_issue_date_idx ON billing.invoices (issue_date);
CREATE INDEX invoices_due_date_idx ON billing.invoices (due_date);
CREATE INDEX invoices_issued_at_idx ON billing.invoices (issued_at);
CREATE INDEX invoices_deleted_at_idx ON billing.invoices (deleted_at);
COMMENT ON TABLE billing.invoices IS
    'Bills. Hard deletion of a subscription takes its own along; one with usage cannot be deleted, and what is over is marked by '
    'deleted_at';
COMMENT ON COLUMN billing.invoices.user_id IS 'The one user it is for; null: the customer as a whole';
COMMENT ON COLUMN billing.invoices.subtotal IS 'Recurring price and usage before discount and tax, in currency units';
COMMENT ON COLUMN billing.invoices.usage_amount IS 'Of subtotal, what calls and events cost';
COMMENT ON COLUMN billing.invoices.amount IS 'What is to be paid in all, in currency units';
COMMENT ON COLUMN billing.invoices.amount_due IS 'Still to be paid; negative when too much was';
COMMENT ON COLUMN billing.invoices.line_items IS 'Array of objects: description, quantity, unit_price, amount';
COMMENT ON COLUMN billing.invoices.billing_address IS 'As it was when the invoice was made';
COMMENT ON COLUMN billing.invoices.billing_period_end IS 'Exclusive';
COMMENT ON COLUMN billing.invoices.issued_at IS 'When it left the drafts and was sent; issue_date is what it says';
COMMENT ON COLUMN billing.invoices.deleted_at IS 'Soft delete; its number stays taken: numbers of papers are never used twice';

CREATE TABLE billing.payments (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    payment_number text NOT NULL CHECK (payment_number <> ''),
    customer_id uuid NOT NULL REFERENCES billing.customers (id) ON DELETE RESTRICT,
    user_id uuid REFERENCES identity.users (id) ON DELETE RESTRICT,
    account_id uuid REFERENCES billing.accounts (id) ON DELETE RESTRICT,
    subscription_id uuid REFERENCES billing.subscriptions (id) ON DELETE CASCADE,
    invoice_id uuid,
    payment_method_id uuid REFERENCES billing.payment_methods (id) ON DELETE SET NULL,
    purpose billing.payment_purpose NOT NULL DEFAULT 'invoice',
    status billing.payment_status NOT NULL DEFAULT 'pending',
    amount numeric(24, 9) NOT NULL CHECK (amount > 0),
    fee_amount numeric(24, 9) NOT NULL DEFAULT 0 CHECK (fee_amount >= 0),
    tax_amount numeric(24, 9) NOT NULL DEFAULT 0 CHECK (tax_amount >= 0),
    refunded_amount numeric(24, 9) NOT NULL DEFAULT 0 CHECK (refunded_amount >= 0),
    currency char(3) NOT NULL DEFAULT 'INR' CHECK (currency ~ '^[A-Z]{3}$'),
    payment_method text,
    gateway text NOT NULL DEFAULT 'manual' CHECK (gateway <> ''),
    gateway_payment_id text,
    gateway_order_id text,
    gateway_response jsonb,
    stripe_payment_intent_id text,
    stripe_charge_id text,
    description text,
    failure_code text,
    failure_reason text,
    paid_at timestamptz,
    failed_at timestamptz,
    refunded_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT payments_payment_number_key UNIQUE (payment_number),
    CONSTRAINT payments_stripe_payment_intent_id_key UNIQUE (stripe_payment_intent_id),
    CONSTRAINT payments_parts CHECK (fee_amount <= amount AND tax_amount <= amount),
    CONSTRAINT payments_refunded_amount CHECK (refunded_amount <= amount),
    CONSTRAINT payments_paid CHECK (status <> 'succeeded' OR paid_at IS NOT NULL),
    CONSTRAINT payments_refunded CHECK (status NOT IN ('refunded', 'partially_refunded') OR refunded_at IS NOT NULL),
    CONSTRAINT payments_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[amount, fee_amount, tax_amount, refunded_amount]))
);
ALTER TABLE billing.payments
    ADD CONSTRAINT payments_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES billing.invoices (id) ON DELETE SET NULL;
CREATE INDEX payments_customer_id_idx ON billing.payments (customer_id);
CREATE INDEX payments_user_id_idx ON billing.payments (user_id);
CREATE INDEX payments_account_id_idx ON billing.payments (account_id);
CREATE INDEX payments_subscription_id_idx ON billing.payments (subscription_id);
CREATE INDEX payments_invoice_id_idx ON billing.payments (invoice_id);
CREATE INDEX payments_payment_method_id_idx ON billing.payments (payment_method_id);
CREATE INDEX payments_status_idx ON billing.payments (status);
CREATE INDEX payments_gateway_idx ON billing.payments (gateway);
CREATE UNIQUE INDEX payments_gateway_payment_id_key ON billing.payments (gateway_payment_id, gateway);
CREATE INDEX payments_stripe_charge_id_idx ON billing.payments (stripe_charge_id);
CREATE INDEX payments_created_at_idx ON billing.payments (created_at);
CREATE INDEX payments_deleted_at_idx ON billing.payments (deleted_at);
COMMENT ON TABLE billing.payments IS
    'Money received, or to be received. Moving the account''s balance is the application''s part. Hard deletion of a subscription '
    'takes its own along, as with invoices';
COMMENT ON COLUMN billing.payments.user_id IS 'Who paid, where it is one user';
COMMENT ON COLUMN billing.payments.amount IS 'What the customer paid in all, in currency units';
COMMENT ON COLUMN billing.payments.fee_amount IS 'Of amount, what the gateway keeps';
COMMENT ON COLUMN billing.payments.tax_amount IS 'Of amount, tax';
COMMENT ON COLUMN billing.payments.payment_method IS 'In words, as the gateway said it: also where no method was saved';
COMMENT ON COLUMN billing.payments.gateway IS 'stripe, razorpay, manual';
COMMENT ON COLUMN billing.payments.gateway_payment_id IS 'The gateway''s own id: one payment of a gateway is here once';
COMMENT ON COLUMN billing.payments.deleted_at IS 'Soft delete; its number stays taken: numbers of papers are never used twice';

CREATE TABLE billing.payment_transactions (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    payment_id uuid REFERENCES billing.payments (id) ON DELETE CASCADE,
    subscription_id uuid REFERENCES billing.subscriptions (id) ON DELETE SET NULL,
    voucher_id uuid,
    organization_id uuid REFERENCES identity.organizations (id) ON DELETE RESTRICT,
    client_id uuid REFERENCES identity.users (id) ON DELETE RESTRICT,
    amount numeric(24, 9) NOT NULL CHECK (amount > 0),
    currency char(3) NOT NULL DEFAULT 'INR' CHECK (currency ~ '^[A-Z]{3}$'),
    status billing.transaction_status NOT NULL DEFAULT 'pending',
    payment_method text,
    payment_gateway text,
    gateway_transaction_id text,
    gateway_response jsonb,
    failure_code text,
    failure_reason text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CONSTRAINT payment_transactions_completed CHECK (status NOT IN ('succeeded', 'refunded') OR completed_at IS NOT NULL),
    CONSTRAINT payment_transactions_no_nan CHECK (amount <> 'NaN')
);
CREATE INDEX payment_transactions_payment_id_idx ON billing.payment_transactions (payment_id);
CREATE INDEX payment_transactions_subscription_id_idx ON billing.payment_transactions (subscription_id);
CREATE INDEX payment_transactions_organization_id_idx ON billing.payment_transactions (organization_id);
CREATE INDEX payment_transactions_client_id_idx ON billing.payment_transactions (client_id);
CREATE INDEX payment_transactions_status_idx ON billing.payment_transactions (status);
CREATE INDEX payment_transactions_created_at_idx ON billing.payment_transactions (created_at);
CREATE UNIQUE INDEX payment_transactions_gateway_transaction_id_key
    ON billing.payment_transactions (gateway_transaction_id, payment_gateway);
COMMENT ON TABLE billing.payment_transactions IS 'Attempts at a gateway: of a payment, or of a voucher that is bought';
COMMENT ON COLUMN billing.payment_transactions.voucher_id IS 'The voucher that was bought';
COMMENT ON COLUMN billing.payment_transactions.client_id IS 'The user who paid';
COMMENT ON COLUMN billing.payment_transactions.gateway_response IS 'As the gateway sent it';
COMMENT ON COLUMN billing.payment_transactions.completed_at IS 'When the gateway said how it ended';

CREATE VIEW billing.subscription_plans AS
SELECT id, tier, name, description, is_active,
       CASE billing_interval
           WHEN 'monthly' THEN monthly_price
           WHEN 'yearly' THEN annual_price
           WHEN 'lifetime' THEN lifetime_price
           ELSE 0
       END AS price,
       currency, billing_interval, features, stripe_price_id, stripe_product_id, display_order, metadata,
       created_at, updated_at, deleted_at
FROM billing.rate_plans;
COMMENT ON VIEW billing.subscription_plans IS 'Rate plans as a page that sells subscriptions sees them';
COMMENT ON COLUMN billing.subscription_plans.price IS 'Of one billing_interval, in currency units';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['metric_prices', 'payment_methods', 'invoices', 'payments', 'payment_transactions'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON billing.%I FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column()',
                       name || '_updated_at', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['metric_prices', 'metric_tiers'] LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON billing.%I FOR EACH STATEMENT EXECUTE FUNCTION public.notify_catalog_change()',
                       name || '_notify', name);
    END LOOP;
END
$$;
