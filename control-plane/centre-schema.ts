import { REGISTRY_SCHEMA } from './registry/schema.ts'
import { ROLLOUT_SCHEMA } from './rollouts/schema.ts'

/**
 * The centre's tables beside context, journal and ingest. Each statement may be run again. A row of `desired` is one decision
 * about one device and bundle, the last one counts, and no version means "what is stable again". A bundle's `attestations` name its
 * signed statements, which are content, by file. A policy that nobody published is the one that Starling came with.
 */
export const CENTRE_SCHEMA = `
create schema if not exists centre;
create table if not exists centre.token (
  hash text primary key, device text not null, site text not null,
  issued_at timestamptz not null, expires_at timestamptz not null, used_at timestamptz
);
create table if not exists centre.device (
  id text primary key, site text not null, public_key text not null, user_key text not null, leaf_key text not null,
  enrolled_at timestamptz not null, revoked_at timestamptz, seen_at timestamptz, reported jsonb
);
create table if not exists centre.bundle (
  name text not null, version text not null, envelope_sha256 text not null, envelope bytea not null,
  manifest jsonb not null, published_at timestamptz not null,
  primary key (name, version)
);
alter table centre.bundle add column if not exists held boolean not null default false;
alter table centre.bundle add column if not exists attestations jsonb not null default '{}';
create table if not exists centre.desired (
  id bigint generated always as identity primary key, device text not null, name text not null, version text,
  record_id text not null, set_at timestamptz not null
);
create index if not exists desired_by_device on centre.desired (device, name, id);
create table if not exists centre.policy (
  version bigint primary key, digest text not null, envelope jsonb not null, signed_at timestamptz not null
);
alter table centre.policy add column if not exists published_by text;
alter table centre.policy add column if not exists record_id text;
alter table centre.policy add column if not exists approvals jsonb;
${REGISTRY_SCHEMA}${ROLLOUT_SCHEMA}`
