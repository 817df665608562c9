-- TimescaleDB: hypertables, old chunks in the columnstore, retention by policy.

create extension if not exists timescaledb;

create table reading (
    point_id integer not null,
    flags smallint not null,
    time timestamptz not null,
    value double precision not null,
    received timestamptz not null,
    stored timestamptz not null default now(),
    primary key (point_id, time)
);
select create_hypertable('reading', by_range('time', interval '7 days'), create_default_indexes => false);
alter table reading set (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'point_id', timescaledb.orderby = 'time'
);
call add_columnstore_policy('reading', after => interval '14 days');

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
    primary key (point_id, start)
);
select create_hypertable('metered_interval', by_range('start', interval '1 month'), create_default_indexes => false);
alter table metered_interval set (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'point_id', timescaledb.orderby = 'start'
);
call add_columnstore_policy('metered_interval', after => interval '60 days');

create function make_room(parent text, months date[]) returns void language sql as '';
comment on function make_room is 'nothing to do: chunks are made by themselves';

create function keep_readings(days integer) returns void language plpgsql as $$
begin
    perform remove_retention_policy('reading', if_exists => true);
    perform add_retention_policy('reading', drop_after => make_interval(days => days));
end $$;
comment on function keep_readings is 'let the retention job drop the chunks of readings that ended more than so many days ago';
