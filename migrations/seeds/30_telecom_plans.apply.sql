-- The three telecom plans are files in config/plans/; tallyd seed applies them as tallyd plan does.
SELECT 1;
