-- Readings and what is made of them. How `reading` and `metered_interval` are cut into
-- partitions or chunks is the engine's own file (0003_series.postgres.sql, 0003_series.timescale.sql).

create table reading_conflict (
    point_id integer not null,
    time timestamptz not null,
    value double precision not null,
    flags smallint not null,
    received timestamptz not null,
    stored timestamptz not null default now(),
    primary key (point_id, time, value)
);
comment on table reading_conflict is 'same point and time as a stored reading, another value; the first one stays';

create table rollup_hour (
    point_id integer not null,
    start timestamptz not null,
    consumption double precision,
    quality smallint not null,
    intervals smallint not null,
    expected integer not null,
    received integer not null,
    estimated smallint not null,
    edited smallint not null,
    primary key (point_id, start)
);
comment on column rollup_hour.intervals is 'number of intervals with a value; estimated and edited count intervals too';

create table rollup_day (
    point_id integer not null,
    start timestamptz not null,
    consumption double precision,
    quality smallint not null,
    intervals smallint not null,
    expected integer not null,
    received integer not null,
    estimated smallint not null,
    edited smallint not null,
    primary key (point_id, start)
);
comment on column rollup_day.start is 'midnight in the enterprise''s zone';

create table dirty_range (
    id bigint generated always as identity primary key,
    point_id integer not null,
    from_time timestamptz not null,
    to_time timestamptz not null,
    reason text not null,
    queued timestamptz not null default now()
);
comment on table dirty_range is 'ranges whose intervals must be made again (a ratio or installation changed); ingest drains it';
