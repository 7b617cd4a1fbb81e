/**
 * The centre's copy of every device's journal, in schema `ingest`. `record.text` is the record's canonical JSON as the device
 * hashed it; `cursor` is how far the hub's stream has been read, and moves in the transaction that stores what was read.
 */
export const INGEST_SCHEMA = `
create schema if not exists ingest;
create table if not exists ingest.device (
  tenant text not null, device text not null, seq bigint not null, hash text not null,
  problem jsonb, updated_at timestamptz not null default now(),
  primary key (tenant, device)
);
create table if not exists ingest.record (
  tenant text not null, device text not null, seq bigint not null, id text not null,
  kind text not null, of text, action text, turn text, at text not null, hash text not null, text text not null,
  primary key (tenant, device, seq), unique (tenant, device, id)
);
create index if not exists record_by_intent on ingest.record (of) where of is not null;
create table if not exists ingest.seal (
  tenant text not null, device text not null, to_seq bigint not null, from_seq bigint not null, text text not null,
  primary key (tenant, device, to_seq)
);
create table if not exists ingest.gap (
  tenant text not null, device text not null, from_seq bigint not null, to_seq bigint not null,
  reason text not null, record_id text not null, primary key (tenant, device, from_seq)
);
create table if not exists ingest.cursor (
  tenant text primary key, stream_created text not null, seq bigint not null
);
create table if not exists ingest.quarantine (
  tenant text not null, digest text not null, subject text not null, device text, reason text not null,
  message text not null, size_bytes integer not null, bytes bytea, times integer not null default 1,
  first_at timestamptz not null default now(), last_at timestamptz not null default now(),
  settled boolean not null default false,
  primary key (tenant, digest)
);
create index if not exists quarantine_by_time on ingest.quarantine (tenant, first_at);
`
