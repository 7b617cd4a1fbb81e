/**
 * Campaigns: the plan as it was approved, and everything that happened to it, in order. The log is only ever added to; a
 * checkpoint says what the state was at one place of it, so that a restart that makes something else of the log is noticed.
 */
export const ROLLOUT_SCHEMA = `
create schema if not exists rollout;
create table if not exists rollout.campaign (
  id text primary key, bundle text not null, plan jsonb not null, author text not null, record_id text not null,
  created_at timestamptz not null, opened_ms bigint not null, phase text not null, over boolean not null default false,
  checkpoint_seq bigint not null default 0, checkpoint_hash text not null
);
create table if not exists rollout.event (
  campaign text not null, seq bigint not null, event jsonb not null, record_id text not null, at timestamptz not null,
  primary key (campaign, seq)
);
create table if not exists rollout.verdict (
  campaign text not null, seq bigint not null, ring text not null, decision text not null, outcome text not null,
  verdict jsonb not null, at timestamptz not null, primary key (campaign, seq)
);
create table if not exists rollout.evidence (
  campaign text not null, seq bigint not null, ring text not null, round bigint not null, at_ms bigint not null,
  gates jsonb not null, primary key (campaign, seq)
);
alter table rollout.campaign add column if not exists summary jsonb;
create table if not exists rollout.statement (
  campaign text not null, generation bigint not null, digest text not null, envelope jsonb not null,
  record_id text not null, primary key (campaign, generation)
);
create table if not exists rollout.approval (
  campaign text not null, person text not null, key_id text not null, envelope jsonb not null, record_id text not null,
  at timestamptz not null, primary key (campaign, person)
);
create table if not exists rollout.override (
  campaign text not null, seq bigint not null, ring text not null, person text not null, key_id text not null,
  envelope jsonb not null, record_id text not null, at timestamptz not null, primary key (campaign, seq)
);
`
