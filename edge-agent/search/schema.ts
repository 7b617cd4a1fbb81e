/**
 * What is made of the copy so that it can be asked: chunks with their words, vectors, and the graph's nodes and edges. All of it
 * follows from `context.row` and can be made again; `search.source` says from which version of which row.
 *
 * Rows that are scanned (`search.chunk`, `search.vector`) are kept small; the text itself is read for the few that are shown.
 */
const RIGHTS_AND_TIMES = `
  class_rank smallint not null, readers text[] not null,
  valid_from timestamptz, valid_to timestamptz, recorded_at timestamptz, retracted_at timestamptz`

/** A stamp says too how a text came to be a vector; those that were there came about in the first way. */
export const VECTOR_SCHEMA_SQL = `
alter table search.stamp add column schema integer not null default 1;
alter table search.stamp drop constraint stamp_model_dimension_norm_key;
alter table search.stamp add unique (model, dimension, norm, schema);
`

export const SEARCH_SCHEMA = `
create extension if not exists vector;
create extension if not exists pg_trgm;
create schema search;
create schema graph;
create table search.source (tbl text not null, key text not null, version bigint not null, primary key (tbl, key));
create table search.chunk (
  id text primary key, tbl text not null, key text not null, words tsvector not null, names text not null, prose boolean not null, ${RIGHTS_AND_TIMES}
);
create index chunk_of_row on search.chunk (tbl, key);
create index chunk_words on search.chunk using gin (words);
create index chunk_names on search.chunk using gin (names public.gin_trgm_ops) where names <> '';
create table search.passage (
  chunk text primary key references search.chunk (id) on delete cascade,
  place integer not null, title text not null, heading text not null, body text not null, sources jsonb not null
);
create table search.stamp (
  id smallint generated always as identity primary key,
  model text not null, dimension integer not null, norm text not null check (norm = 'unit'),
  complete boolean not null default false,
  unique (model, dimension, norm), unique (id, dimension)
);
create table search.vector (
  stamp smallint not null, dimension integer not null,
  chunk text not null references search.chunk (id) on delete cascade,
  vector public.vector not null
    check (public.vector_dims(vector) = dimension and abs(public.vector_norm(vector) - 1) < 0.001),
  primary key (chunk, stamp),
  foreign key (stamp, dimension) references search.stamp (id, dimension)
);
create index vector_of_stamp on search.vector (stamp);
create table graph.node (
  key text primary key, node text not null, kind text not null, name text not null, properties jsonb not null,
  sources jsonb not null, ${RIGHTS_AND_TIMES}
);
create index node_by_id on graph.node (node);
create table graph.edge (
  key text primary key, kind text not null, from_node text not null, to_node text not null, properties jsonb not null,
  sources jsonb not null, ${RIGHTS_AND_TIMES}
);
create index edge_by_from on graph.edge (from_node);
create index edge_by_to on graph.edge (to_node);
`
