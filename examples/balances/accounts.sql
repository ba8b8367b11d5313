CREATE TABLE accounts (
  account text PRIMARY KEY,
  balance numeric(20, 2) NOT NULL
);
