-- Plain PostgreSQL: native range partitions, one a month (UTC), made when the first row of the month comes.

create table reading (
    point_id integer not null,
    flags smallint not null,
    time timestamptz not null,
    value double precision not null,
    received timestamptz not null,
    stored timestamptz not null default now(),
    primary key (point_id, time)
) partition by range (time);

-- The key covers all columns: rows of one point lie scattered over the table, but side by side in the index.
create table metered_interval (
    point_id integer not null,
    seconds integer not null,
    start timestamptz not null,
    consumption double precision check (consumption <> 'NaN'),
    expected integer not null,
    received integer not null,
    quality smallint not null,
    method smallint not null,
    since timestamptz not null default now(),
    primary key (point_id, start) include (consumption, seconds, expected, received, quality, method)
) partition by range (start);

-- A partition is made beside its parent and then attached, which unlike `create … partition of` blocks no reader.
-- Inserts alone make autovacuum mark pages all-visible early, so that the covering key is read without the table.
create function make_room(parent text, months date[]) returns void language plpgsql as $$
declare
    month date;
    part text;
begin
    foreach month in array months loop
        part := parent || to_char(month, '_YYYY_MM');
        continue when to_regclass(part) is not null;
        execute format('create table %I (like %I including all) with (autovacuum_vacuum_insert_scale_factor = 0.02)',
                       part, parent);
        execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, part,
                       month::timestamp at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
    end loop;
end $$;
comment on function make_room is 'make sure that rows of these months (their first days) can be stored';

create function keep_readings(days integer) returns void language plpgsql set lock_timeout = '5s' as $$
declare
    part text;
begin
    for part in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'reading'::regclass
          and (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC'
              <= now() - make_interval(days => days)
    loop
        execute format('drop table %I', part);
    end loop;
end $$;
comment on function keep_readings is 'drop the months of readings that ended more than so many days ago';
