-- A row that was renamed since belongs to the operator and stays.
DELETE FROM billing.destinations AS d USING (VALUES
    ('1', 'United States and Canada'),
    ('1800', 'United States toll-free'),
    ('33', 'France'),
    ('44', 'United Kingdom'),
    ('447', 'United Kingdom mobile'),
    ('44800', 'United Kingdom freephone'),
    ('44909', 'United Kingdom premium rate'),
    ('49', 'Germany'),
    ('61', 'Australia'),
    ('65', 'Singapore'),
    ('91', 'India'),
    ('9111', 'India, Delhi'),
    ('9122', 'India, Mumbai'),
    ('9133', 'India, Kolkata'),
    ('9140', 'India, Hyderabad'),
    ('9144', 'India, Chennai'),
    ('9180', 'India, Bengaluru'),
    ('916', 'India mobile'),
    ('917', 'India mobile'),
    ('918', 'India mobile'),
    ('919', 'India mobile'),
    ('911800', 'India toll-free'),
    ('911900', 'India premium rate'),
    ('112', 'Emergency'),
    ('971', 'United Arab Emirates')
) AS seeded (prefix, name)
WHERE d.prefix = seeded.prefix AND d.name = seeded.name;
