-- Readings and what is made of them. How `reading` and `metered_interval` are cut into
-- partitions or chunks is the engine's own file (0003_series.postgres.sql, 0003_series.timescale.sql).
-- Columns stand in the order that wastes no bytes on alignment.

create function at_us(us bigint) returns timestamptz
    language sql stable strict parallel safe
    return timestamptz 'epoch' + us * interval '1 microsecond';
comment on function at_us is 'the instant that many microseconds after 1970-01-01T00:00Z, exactly';

create table reading_conflict (
    point_id integer not null,
    flags smallint not null,
    time timestamptz not null,
    value double precision not null,
    received timestamptz not null,
    stored timestamptz not null default now(),
    primary key (point_id, time, value)
);
comment on table reading_conflict is 'same point and time as a stored reading, another value; the first one stays';

create table rollup_hour (
    point_id integer not null,
    seconds integer not null,
    start timestamptz not null,
    consumption double precision check (consumption <> 'NaN'),
    expected integer not null,
    received integer not null,
    quality smallint not null,
    intervals smallint not null,
    estimated smallint not null,
    edited smallint not null,
    primary key (point_id, start)
) with (fillfactor = 80); -- room for the four updates an hour gets, without touching the index
comment on table rollup_hour is 'sums of the intervals that start in the hour (UTC); no row where there is no interval';
comment on column rollup_hour.seconds is 'how much of the hour has a value';
comment on column rollup_hour.quality is 'the worst of its intervals';
comment on column rollup_hour.intervals is 'number of intervals with a value; estimated and edited count intervals too';

create table rollup_day (like rollup_hour including all) with (fillfactor = 60);
comment on table rollup_day is 'sums of the intervals that start on the day; no row where there is no interval';
comment on column rollup_day.start is 'midnight in the enterprise''s zone';
comment on column rollup_day.seconds is 'how much of the day has a value';

create table dirty_range (
    id bigint generated always as identity primary key,
    point_id integer not null,
    from_time timestamptz not null,
    to_time timestamptz not null,
    queued timestamptz not null default now()
);
comment on table dirty_range is 'ranges whose intervals must be made again (history changed, or much came at once); ingest drains it';
