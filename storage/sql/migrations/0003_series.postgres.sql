-- Plain PostgreSQL: native range partitions, made on demand by ingest (see partitions.sql).

create table reading (
    point_id integer not null,
    time timestamptz not null,
    value double precision not null,
    flags smallint not null,
    received timestamptz not null,
    stored timestamptz not null default now(),
    primary key (point_id, time)
) partition by range (time);

create table metered_interval (
    point_id integer not null,
    start timestamptz not null,
    seconds integer not null,
    consumption double precision,
    quality smallint not null,
    method smallint not null,
    expected smallint not null,
    received smallint not null,
    primary key (point_id, start)
) partition by range (start);
