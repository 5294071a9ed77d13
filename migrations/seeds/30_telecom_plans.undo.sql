-- Their rates and steps are deleted with them; a plan with a subscription is refused.
DELETE FROM billing.rate_plans
WHERE id IN ('00000000-0000-7000-8000-000000000201', '00000000-0000-7000-8000-000000000202',
             '00000000-0000-7000-8000-000000000203');
