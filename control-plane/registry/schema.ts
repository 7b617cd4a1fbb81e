/**
 * The registry's tables. A release's transitions, the moves of its aliases, approvals and tags are only ever added; an alias
 * has one row that is changed under compare-and-set. Where bundles were published before there were aliases, the newest
 * that was not held back becomes `stable`, as every device took it then.
 */
export const REGISTRY_SCHEMA = `
create table if not exists centre.release_transition (
  id bigint generated always as identity primary key, name text not null, version text not null, kind text not null,
  by text not null, record_id text not null, at timestamptz not null, detail jsonb not null
);
create index if not exists transition_by_release on centre.release_transition (name, version, id);
create table if not exists centre.alias (
  name text not null, alias text not null, version text not null, set_by text not null, record_id text not null,
  set_at timestamptz not null, statement jsonb, primary key (name, alias)
);
alter table centre.alias add column if not exists policy jsonb;
create table if not exists centre.alias_move (
  id bigint generated always as identity primary key, name text not null, alias text not null, from_version text,
  to_version text, by text not null, record_id text not null, at timestamptz not null
);
create index if not exists move_by_alias on centre.alias_move (name, alias, id);
create table if not exists centre.release_tag (
  name text not null, version text not null, tag text not null, by text not null, record_id text not null,
  at timestamptz not null, primary key (name, version, tag)
);
create table if not exists centre.approver (
  key_id text primary key, person text not null, public_key text not null, entry jsonb not null, record_id text not null,
  added_by text not null, added_at timestamptz not null, removed_at timestamptz
);
create table if not exists centre.release_approval (
  name text not null, version text not null, person text not null, key_id text not null, envelope jsonb not null,
  record_id text not null, at timestamptz not null, primary key (name, version, person)
);
insert into centre.alias (name, alias, version, set_by, record_id, set_at)
select distinct on (name) name, 'stable', version, 'upgrade', '', published_at from centre.bundle
where not held and not exists (select 1 from centre.alias_move m where m.name = centre.bundle.name and m.alias = 'stable')
order by name, string_to_array(version, '.')::int[] desc
on conflict do nothing;
`
