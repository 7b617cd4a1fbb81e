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

/** A record with all that belongs to it, in one round trip: its outbox row, its payload, and that its intent is open or settled. */
export const APPEND = `
with told as (insert into journal.outbox (seq, size_bytes) values ($1::bigint, $9::integer)),
  opened as (insert into journal.open_intent (id, seq) select $2::text, $1::bigint where $10::boolean),
  settled as (delete from journal.open_intent where id = $11::text),
  kept as (
    insert into journal.payload (record_id, part, digest, salt, bytes)
      select $2::text, $12::text, $13::text, $14::bytea, $15::bytea where $12::text is not null
  )
insert into journal.record (seq, id, kind, of, action, turn, text, hash)
  values ($1::bigint, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text)
`
