/**
 * Where the shape server keeps what must outlive it, beside the tables that it follows: captured changes that no log has yet, the
 * shapes, their snapshots and their logs.
 */
export const SHAPES_SCHEMA = `
create schema if not exists starling_shapes;
-- Many rows of a statement in one: what is written a row is what makes capturing dear. Not compressed: it is read once, soon.
create table if not exists starling_shapes.change (
  seq bigserial primary key, xid xid8 not null default pg_current_xact_id(), rel oid not null, layout text not null,
  op "char" not null, count int not null, before text[], after text[]
);
alter table starling_shapes.change alter column before set storage external, alter column after set storage external;
-- By which columns rows were written, in the order of their fields. Several alike, where transactions met: nobody waits for another.
create table if not exists starling_shapes.layout (rel oid not null, layout text not null, names text[] not null, kinds text[] not null);
create index if not exists layout_by_table on starling_shapes.layout (rel, layout);
create table if not exists starling_shapes.progress (
  only_one boolean primary key default true check (only_one),
  published bigint not null, under_way_xid text, under_way_position bigint,
  -- The server that moves changes into logs; one that finds another's name here has been replaced.
  owner text
);
insert into starling_shapes.progress (published) values (0) on conflict do nothing;
create table if not exists starling_shapes.shape (
  handle text primary key, digest text not null, definition jsonb not null, relation jsonb not null,
  -- making: its snapshot is being taken; current: newcomers get it; retired: its log was cut, those who follow it go on.
  state text not null default 'making' check (state in ('making', 'current', 'retired')),
  snapshot text not null, chunks int not null,
  log_start_tx bigint not null default 0, log_start_position bigint not null default 0,
  created_at timestamptz not null default now(), read_at timestamptz not null default now()
);

create table if not exists starling_shapes.chunk (
  handle text not null, n int not null, body text not null, primary key (handle, n)
);
create table if not exists starling_shapes.log (
  handle text not null, tx bigint not null, position bigint not null, xid text not null,
  is_last boolean not null, ends_chunk boolean not null, at timestamptz not null default now(), body text not null,
  primary key (handle, tx, position)
);
`
