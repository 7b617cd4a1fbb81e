/**
 * The centre's operational data, in schema `ops`: apart from records and from anything that a model said, which gets in only
 * through an accepted action. One sequence numbers every change, under one lock, so that version order is commit order and
 * a cursor never runs past a change that commits later.
 */
import { CONTEXT_TABLES, ROW_SCHEMAS } from '../../shared/context/tables.ts'

const columnsOf = (table: (typeof CONTEXT_TABLES)[number]): string =>
  Object.keys(ROW_SCHEMAS[table].entries)
    .map((column) => `body->>'${column}' as "${column}"`)
    .join(', ')

/**
 * Each logical table as a view, for people and reports: the rows themselves lie in `ops.row`. Made anew at each start: a view cannot be
 * replaced by one whose columns are others, and a newer version's are.
 */
const views = CONTEXT_TABLES.map(
  (table) =>
    `drop view if exists ops.${table}; create view ops.${table} as select tenant, key as id, version, site, ${columnsOf(table)} from ops.row where tbl = '${table}';`,
).join('\n')

export const OPS_SCHEMA = `
create schema if not exists ops;
create sequence if not exists ops.version;
drop table if exists ops.epoch;
create table if not exists ops.row (
  tenant text not null, tbl text not null, key text not null,
  site text, device text,
  version bigint not null unique,
  write_id text,
  body jsonb not null,
  columns jsonb not null,
  primary key (tenant, tbl, key)
);
create index if not exists row_by_version on ops.row (tenant, version);
create index if not exists result_by_device on ops.row (tenant, device, version) where tbl = 'write_result';
drop table if exists ops.tombstone;
drop table if exists ops.conflict;
create table if not exists ops.field (
  tenant text not null, tbl text not null, key text not null, field text not null, state jsonb not null,
  primary key (tenant, tbl, key, field)
);
${views}
`
