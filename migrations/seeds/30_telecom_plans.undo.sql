-- Their rates and steps go with them; a plan that somebody subscribes to is refused.
DELETE FROM billing.rate_plans
WHERE id IN ('00000000-0000-7000-8000-000000000201', '00000000-0000-7000-8000-000000000202',
             '00000000-0000-7000-8000-000000000203');
