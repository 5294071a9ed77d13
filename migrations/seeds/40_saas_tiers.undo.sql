-- Refused for a plan that somebody subscribes to.
DELETE FROM billing.rate_plans
WHERE id BETWEEN '00000000-0000-7000-8000-000000000211' AND '00000000-0000-7000-8000-000000000214';
