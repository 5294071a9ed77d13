-- Refused for a type that a voucher was sold of.
DELETE FROM vouchers.voucher_types
WHERE id BETWEEN '00000000-0000-7000-8000-000000000221' AND '00000000-0000-7000-8000-000000000223';
