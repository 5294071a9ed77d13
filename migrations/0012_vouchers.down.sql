ALTER TABLE billing.payment_transactions DROP CONSTRAINT payment_transactions_voucher_id_fkey;
DROP INDEX billing.payment_transactions_voucher_id_idx;

DROP TABLE vouchers.voucher_sessions;
DROP TABLE vouchers.vouchers;
DROP TABLE vouchers.voucher_types;
DROP FUNCTION vouchers.check_booking_rules(jsonb);
DROP FUNCTION vouchers.booking_rules_problem(jsonb);
DROP TYPE vouchers.session_status;
DROP TYPE vouchers.session_kind;
DROP TYPE vouchers.voucher_payment_status;
DROP TYPE vouchers.voucher_status;
DROP TYPE vouchers.voucher_frequency;
DROP SCHEMA vouchers;
