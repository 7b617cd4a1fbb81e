import { CURRENT_VIEW } from './writes-schema.ts'

/**
 * The device's copy of the synced data (`context`), and what was changed here and is still on its way up (`local`).
 * Readers use the view `context.current`: the copy with the local changes over it, in the order in which they were made.
 */
export const CONTEXT_SCHEMA = `
create schema if not exists context;
create schema if not exists local;
create table if not exists context.row (
  tbl text not null, key text not null, version bigint not null, write_id text, body jsonb not null,
  primary key (tbl, key)
);
create table if not exists context.sync (
  only_one boolean primary key default true check (only_one),
  epoch text, cursor bigint not null, synced_at timestamptz not null
);
create table if not exists local.overlay (
  seq bigint generated always as identity primary key,
  write_id text not null unique, tbl text not null, key text not null, patch jsonb not null,
  base_version bigint not null
);
create index if not exists overlay_by_row on local.overlay (tbl, key);
create or replace view context.current as
  select coalesce(r.tbl, o.tbl) as tbl, coalesce(r.key, o.key) as key, coalesce(r.version, 0) as version,
    coalesce(r.body, '{}'::jsonb) || coalesce(o.patch, '{}'::jsonb) as body, o.key is not null as pending
  from context.row r
  full join (
    select l.tbl, l.key, jsonb_object_agg(item.key, item.value order by l.seq) as patch
    from local.overlay l, jsonb_each(l.patch) item group by l.tbl, l.key
  ) o on o.tbl = r.tbl and o.key = r.key;
`

/**
 * The copy as shapes fill it: a partition a table, so that a table that was fetched anew takes the old one's place at one stroke; where
 * each table stands in its log; and the transaction of the centre that all of them show.
 */
export const SHAPE_SYNC_SCHEMA = `
alter table context.row rename to row_before;
create table context.row (
  tbl text not null, key text not null, version bigint not null, write_id text, body jsonb not null,
  primary key (tbl, key)
) partition by list (tbl);
create table context.row_rest partition of context.row default;
insert into context.row select tbl, key, version, write_id, body from context.row_before;
${CURRENT_VIEW}drop table context.row_before;
create table context.shape (
  tbl text primary key, handle text not null, place text not null, columns text not null
);
create table context.position (
  only_one boolean primary key default true check (only_one), lsn text not null, synced_at timestamptz not null
);
insert into context.position (lsn, synced_at) select '0', synced_at from context.sync;
drop table context.sync;
`
