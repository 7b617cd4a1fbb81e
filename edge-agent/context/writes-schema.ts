/**
 * Local writes on the device: those on their way up lie over the copy (`local.overlay`), those that the centre did not take
 * lie beside it (`local.quarantine`), until a person decides. Readers use `context.current`.
 */

/** To be made again by whatever step puts another table in the place of `context.row`. */
export const CURRENT_VIEW = `
create or replace view context.current as
  select r.tbl, r.key, r.version,
    case when o.key is null then r.body else local.laid_over(r.body, o.sets, o.adds, o.appends, o.removes) end as body,
    o.key is not null as pending, q.key is not null as rejected, q.patch as rejected_patch
  from context.row r
  left join local.laid o on o.tbl = r.tbl and o.key = r.key
  left join local.refused q on q.tbl = r.tbl and q.key = r.key
  union all
  select o.tbl, o.key, 0, local.laid_over('{}', o.sets, o.adds, o.appends, o.removes), true, q.key is not null, q.patch
  from local.laid o left join local.refused q on q.tbl = o.tbl and q.key = o.key
  where not exists (select 1 from context.row r where r.tbl = o.tbl and r.key = o.key)
  union all
  select q.tbl, q.key, 0, q.patch, false, true, q.patch
  from local.refused q
  where not exists (select 1 from context.row r where r.tbl = q.tbl and r.key = q.key)
    and not exists (select 1 from local.overlay o where o.tbl = q.tbl and o.key = q.key);
`

/** One migration step. */
export const WRITES_SQL = `
alter table local.overlay add column if not exists of text not null default '';
alter table local.overlay add column if not exists sets jsonb not null default '{}';
alter table local.overlay add column if not exists adds jsonb not null default '{}';
alter table local.overlay add column if not exists appends jsonb not null default '{}';
alter table local.overlay add column if not exists removes jsonb not null default '{}';
alter table local.overlay add column if not exists depends_on text[] not null default '{}';
alter table local.overlay add column if not exists undoes text;
alter table local.overlay add column if not exists stamp_ms bigint not null default 0;
update local.overlay set sets = patch where stamp_ms = 0;
create table if not exists local.stamp (only_one boolean primary key default true check (only_one), ms bigint not null);
create table if not exists local.undone (write_id text primary key);
create table if not exists local.quarantine (
  seq bigint primary key, write_id text not null unique, of text not null, tbl text not null, key text not null,
  patch jsonb not null, code text not null, reason text, because text, at timestamptz not null
);
create index if not exists quarantine_by_row on local.quarantine (tbl, key);
create table if not exists local.quarantine_dropped (
  only_one boolean primary key default true check (only_one), writes bigint not null
);
create or replace function local.united(items jsonb, added jsonb, removed jsonb) returns jsonb language sql immutable as $$
  select coalesce(jsonb_agg(item order by place), '[]') from (
    select item, min(place) as place from (
      select item, place from jsonb_array_elements(coalesce(items, '[]')) with ordinality own(item, place)
        where not coalesce(removed, '[]') @> jsonb_build_array(item)
      union all
      select item, 1000000 + place from jsonb_array_elements(coalesce(added, '[]')) with ordinality more(item, place)
    ) listed group by item
  ) once
$$;
create or replace function local.laid_over(body jsonb, sets jsonb, adds jsonb, appends jsonb, removes jsonb)
returns jsonb language sql immutable as $$
  select body || coalesce(sets, '{}')
    || coalesce((
      select jsonb_object_agg(difference.key, to_jsonb(coalesce((body->>difference.key)::numeric, 0) + difference.value::numeric))
      from jsonb_each_text(adds) difference
    ), '{}')
    || coalesce((
      select jsonb_object_agg(list.col, local.united(body->list.col, appends->list.col, removes->list.col))
      from (select jsonb_object_keys(appends) as col union select jsonb_object_keys(removes)) list
    ), '{}')
$$;
create or replace view local.laid as
  select tbl, key,
    jsonb_object_agg(col, val) filter (where op = 'sets') as sets,
    jsonb_object_agg(col, val) filter (where op = 'adds') as adds,
    jsonb_object_agg(col, val) filter (where op = 'appends') as appends,
    jsonb_object_agg(col, val) filter (where op = 'removes') as removes
  from (
    select o.tbl, o.key, 'sets' as op, item.key as col, (array_agg(item.value order by o.seq desc))[1] as val
      from local.overlay o, jsonb_each(o.sets) item group by o.tbl, o.key, item.key
    union all
    select o.tbl, o.key, 'adds', item.key, to_jsonb(sum(item.value::numeric))
      from local.overlay o, jsonb_each_text(o.adds) item group by o.tbl, o.key, item.key
    union all
    select o.tbl, o.key, 'appends', item.key, jsonb_agg(part.value order by o.seq, part.place)
      from local.overlay o, jsonb_each(o.appends) item, jsonb_array_elements(item.value) with ordinality part(value, place)
      group by o.tbl, o.key, item.key
    union all
    select o.tbl, o.key, 'removes', item.key, jsonb_agg(part.value order by o.seq, part.place)
      from local.overlay o, jsonb_each(o.removes) item, jsonb_array_elements(item.value) with ordinality part(value, place)
      group by o.tbl, o.key, item.key
  ) folded group by tbl, key;
create or replace view local.refused as
  select q.tbl, q.key, jsonb_object_agg(item.key, item.value order by q.seq) as patch
  from local.quarantine q, jsonb_each(q.patch) item group by q.tbl, q.key;
${CURRENT_VIEW}`
