/** The journal's tables; each statement may be run again. `record.text` is the record's canonical JSON, byte for byte. */
export const JOURNAL_SCHEMA = `
create schema if not exists journal;
create table if not exists journal.record (
  seq bigint primary key, id text not null unique, kind text not null, of text, action text, turn text,
  text text not null, hash text not null
);
create index if not exists record_by_intent on journal.record (of) where of is not null;
create table if not exists journal.payload (
  digest text not null, record_id text not null, part text not null, salt bytea not null, bytes bytea,
  primary key (record_id, part)
);
create table if not exists journal.outbox (seq bigint primary key, size_bytes integer not null);
create table if not exists journal.seal (
  to_seq bigint primary key, from_seq bigint not null, text text not null
);
create table if not exists journal.open_intent (id text primary key, seq bigint not null);
`
