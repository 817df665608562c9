-- Causes of changed history, and intervals as they were shown.

-- name: change_add
insert into change (actor, reason) values ($1, $2) returning id;

-- name: intervals_at_15m
-- The intervals of points $1 in [$2, $3) as they were shown at $4.
select point_id, start, seconds, coalesce(consumption, 'NaN'), quality, method, expected, received
from intervals_at($1, $2, $3, $4);

-- name: intervals_at_hour
-- Their hours, summed like rollup_hour.
select
    point_id, date_trunc('hour', start, 'UTC'),
    coalesce(sum(seconds) filter (where consumption is not null), 0)::integer,
    coalesce(sum(consumption order by start), 'NaN'), max(quality), count(consumption)::smallint,
    sum(expected)::integer, sum(received)::integer,
    (count(*) filter (where quality = 2))::smallint, (count(*) filter (where quality = 1))::smallint
from intervals_at($1, $2, $3, $4)
group by 1, 2;

-- name: intervals_at_day
-- Their days, summed like rollup_day.
select
    point_id, date_trunc('day', start, zone),
    coalesce(sum(seconds) filter (where consumption is not null), 0)::integer,
    coalesce(sum(consumption order by start), 'NaN'), max(quality), count(consumption)::smallint,
    sum(expected)::integer, sum(received)::integer,
    (count(*) filter (where quality = 2))::smallint, (count(*) filter (where quality = 1))::smallint
from intervals_at($1, $2, $3, $4) shown
join point on point.id = shown.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
group by 1, 2;

-- name: present
-- Just before the transaction began in which the holder of lock ($1, $2) is; when this statement began, if
-- it is in none: it may begin another while this looks.
select (extract(epoch from coalesce(min(writer.xact_start) - interval '1 microsecond', statement_timestamp())) * 1000000)::bigint
from pg_locks as held
join pg_stat_activity as writer on writer.pid = held.pid
where held.locktype = 'advisory' and held.granted and held.classid = $1::oid and held.objid = $2::oid and held.objsubid = 2
    and writer.datname = current_database();

-- name: last_shown
select (extract(epoch from at) * 1000000)::bigint from shown;

-- name: shown_now
update shown set at = now();

-- name: schedules_at
-- Of points whose schedule has changed since $1, what it was then.
select point_id, (extract(epoch from valid_from) * 1000000)::bigint as valid_from, cadence_s
from schedule_version
where (point_id, until) in (select point_id, min(until) from schedule_version where until > $1 group by point_id)
order by point_id, schedule_version.valid_from;

-- name: points_since
select id from point where since > $1;
