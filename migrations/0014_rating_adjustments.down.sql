DROP TABLE billing.cdr_adjustments;
DROP TABLE billing.rerate_runs;
DROP TYPE billing.adjustment_kind;
DROP TYPE billing.rerate_state;
