-- Adds the amounts of new messages to the balances of their accounts. $1 is a jsonb array of the rows that are new.
INSERT INTO accounts AS a (account, balance)
SELECT r->'data'->>'account', sum((r->'data'->>'amount')::numeric(20, 2))
FROM jsonb_array_elements($1) AS r
GROUP BY 1
-- All transactions take the accounts in one order, so that none waits for another that waits for it.
ORDER BY 1
ON CONFLICT (account) DO UPDATE SET balance = a.balance + excluded.balance;
