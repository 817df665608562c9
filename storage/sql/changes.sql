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
